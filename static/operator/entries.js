// The lists of django-rq's dashboard: the box in the head ticks all entries.
const all = /** @type {HTMLInputElement | null} */ (document.getElementById("action-toggle"));
all?.addEventListener("change", () => {
  for (const box of document.querySelectorAll("input.action-select")) {
    /** @type {HTMLInputElement} */ (box).checked = all.checked;
  }
});
