// Shows of a form what matters: the settings of work that is ticked, and fields that depend on another one's value. Sends
// an image as soon as it is chosen, and puts its id into the form.
(() => {
  "use strict";

  function refresh() {
    for (const pick of document.querySelectorAll("[data-opens]")) {
      const settings = document.getElementById(pick.dataset.opens);
      if (settings) settings.hidden = !pick.checked || pick.disabled;
    }
    for (const field of document.querySelectorAll("[data-when]:not(input, select, textarea)")) {
      const [name, value] = field.dataset.when.split("=");
      const full = field.dataset.prefix ? `${field.dataset.prefix}-${name}` : name;
      const others = [...field.closest("form").querySelectorAll(`[name="${full}"]`)];
      const chosen = others.length > 1 || others[0]?.type === "checkbox" ? others.filter((one) => one.checked) : others;
      field.hidden = !chosen.some((one) => value.split("|").includes(one.value));
    }
  }

  // Choosing another image while one is on its way leaves the later one in the form.
  async function sendImage(place) {
    const [id, picker] = place.querySelectorAll("input"), say = place.querySelector("[role=status]");
    const drop = place.querySelector("button");
    const [file] = picker.files;
    if (!file) return;
    const body = new FormData();
    body.append("file", file);
    say.textContent = `Sending ${file.name} …`;
    const headers = { "X-CSRFToken": place.closest("form").elements.csrfmiddlewaretoken.value };
    const sent = await fetch(place.dataset.sends, { method: "POST", body, headers }).catch(() => null);
    const answer = await sent?.json().catch(() => null);
    if (picker.files[0] !== file) return;
    const fine = sent?.ok && answer;
    id.value = fine ? answer.id : "";
    picker.value = ""; // the bytes need not come once more with the form
    say.textContent = fine ? `${answer.name}, ${answer.width} by ${answer.height}`
      : answer?.error?.message ?? "The image did not arrive. Choose it again.";
    say.classList.toggle("bad", !fine);
    drop.hidden = !fine;
    id.dispatchEvent(new Event("input", { bubbles: true }));
  }

  for (const place of document.querySelectorAll("[data-sends]")) {
    const drop = place.querySelector("button"), id = place.querySelector("[type=hidden]");
    place.querySelector("[type=file]").addEventListener("change", () => sendImage(place));
    drop.addEventListener("click", () => {
      id.value = place.querySelector("[role=status]").textContent = "";
      drop.hidden = true;
      id.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }

  addEventListener("input", refresh);
  addEventListener("pageshow", refresh);
  refresh();
})();
