// The lists of django-rq's dashboard: the box in the head ticks all entries.
document.getElementById("action-toggle")?.addEventListener("change", (event) => {
  for (const box of document.querySelectorAll("input.action-select")) box.checked = event.target.checked;
});
