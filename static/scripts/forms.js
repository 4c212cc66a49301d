// Shows of a form what matters: the settings of work that is ticked, and fields that depend on another one's value. Sends
// an image as soon as it is chosen, and puts its id into the form.
import { allOf } from "./lib/elements.js";
import { on } from "./lib/htmx.js";
import { jsonOf, post } from "./lib/requests.js";

function refresh() {
  for (const pick of allOf(document, "[data-opens]", HTMLInputElement)) {
    const settings = document.getElementById(pick.dataset.opens);
    if (settings) settings.hidden = !pick.checked || pick.disabled;
  }
  for (const field of allOf(document, "[data-when]:not(input, select, textarea)", HTMLElement)) {
    field.hidden = !field.dataset.when.split(" ").every((condition) => holds(condition, field));
  }
  for (const told of allOf(document, "[data-per-cent]", HTMLOutputElement)) {
    const slider = document.getElementById(told.htmlFor.value);
    if (!(slider instanceof HTMLInputElement)) continue;
    told.value = `${Math.round(Number(slider.value) * 100)} %`;
    slider.setAttribute("aria-valuetext", told.value);
  }
}

// Whether "name=value|value" holds in the form of a field.
function holds(condition, field) {
  const [name, value] = condition.split("=");
  const full = field.dataset.prefix ? `${field.dataset.prefix}-${name}` : name;
  const others = /** @type {HTMLInputElement[]} */ (allOf(field.closest("form"), `[name="${full}"]`, HTMLElement));
  const chosen = others.length > 1 || others[0]?.type === "checkbox" ? others.filter((one) => one.checked) : others;
  return chosen.some((one) => value.split("|").includes(one.value));
}

// Choosing another image while one is on its way leaves the later one in the form.
async function sendImage(place) {
  const [id, picker] = place.querySelectorAll("input");
  const say = place.querySelector("[role=status]");
  const [file] = picker.files;
  if (!file) return;
  const body = new FormData();
  body.append("file", file);
  say.textContent = `Sending ${file.name} …`;
  const sent = await post(place.dataset.sends, body).catch(() => null);
  const answer = await jsonOf(sent);
  if (picker.files[0] !== file) return;
  const fine = sent?.ok && answer;
  id.value = fine ? answer.id : "";
  picker.value = ""; // the bytes need not come once more with the form
  say.textContent = fine
    ? `${answer.name}, ${answer.width} by ${answer.height}`
    : (answer?.error?.message ?? "The image did not arrive. Choose it again.");
  say.classList.toggle("bad", !fine);
  offer(place, fine);
  id.dispatchEvent(new Event("input", { bubbles: true }));
}

function offer(place, isThere) {
  place.querySelector("[data-choose]").textContent = isThere ? "Choose another one" : "Choose an image";
  place.querySelector("[data-drop]").hidden = !isThere;
}

/** @param {HTMLElement} place */
function prepareImage(place) {
  const [id, picker] = allOf(place, "input", HTMLInputElement);
  const [choose] = allOf(place, "[data-choose]", HTMLElement);
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

/** @param {HTMLElement} place */
async function openOrdered(place) {
  (await import("./ordered.js")).prepareOrdered(place);
}

// A form that the server has drawn anew is new from end to end.
function prepare(root) {
  for (const place of allOf(root, "[data-sends]", HTMLElement)) prepareImage(place);
  for (const place of allOf(root, "[data-ordered]", HTMLElement)) openOrdered(place);
  refresh();
}

addEventListener("input", refresh);
addEventListener("pageshow", refresh);
on("htmx:afterSwap", ({ detail }) => {
  if (detail.elt.matches("form, #settings")) prepare(detail.elt);
});
prepare(document);
