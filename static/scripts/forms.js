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
    offer(place, fine);
    id.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function offer(place, isThere) {
    place.querySelector("[data-choose]").textContent = isThere ? "Choose another one" : "Choose an image";
    place.querySelector("[data-drop]").hidden = !isThere;
  }

  for (const place of document.querySelectorAll("[data-sends]")) {
    const id = place.querySelector("[type=hidden]"), picker = place.querySelector("[type=file]");
    const choose = place.querySelector("[data-choose]");
    picker.tabIndex = -1; // the button is what is seen, and says nothing of a file that has been sent already
    picker.addEventListener("change", () => sendImage(place));
    choose.addEventListener("click", () => picker.click());
    place.querySelector("[data-drop]").addEventListener("click", () => {
      id.value = place.querySelector("[role=status]").textContent = "";
      offer(place, false);
      choose.focus();
      id.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }

  addEventListener("input", refresh);
  addEventListener("pageshow", refresh);
  refresh();
})();
