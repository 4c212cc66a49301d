// Choosing several of a list. Boxes of the class `check` belong to the form #chosen, which shows itself while one of them is
// ticked (app.css); this tells how many and how large, takes ranges with Shift, and ticks none again.
import { allOf, targetOf } from "./lib/elements.js";
import { on } from "./lib/htmx.js";
import { size } from "./lib/sizes.js";

const boxes = () => allOf(document, "input.check", HTMLInputElement).filter((box) => box.checkVisibility());
const ticked = () => boxes().filter((box) => box.checked);
let last = ""; // its value: a live page may draw the box anew

function tell() {
  const form = document.getElementById("chosen");
  if (!form) return;
  const all = ticked();
  const bytes = all.reduce((sum, box) => sum + Number(box.dataset.bytes ?? 0), 0);
  for (const place of allOf(form, "[data-chosen]", HTMLElement)) place.textContent = `${all.length} chosen`;
  for (const place of allOf(form, "[data-chosen-bytes]", HTMLElement)) place.textContent = bytes ? size(bytes) : "";
  for (const box of allOf(document, "input[data-choose-all]", HTMLInputElement)) {
    box.checked = all.length > 0 && all.length === boxes().length;
    box.indeterminate = all.length > 0 && !box.checked;
  }
}

function none() {
  for (const box of ticked()) box.checked = false;
  tell();
}

addEventListener("click", (event) => {
  const target = targetOf(event);
  if (target.closest("[data-choose-none]")) return none();
  if (!target.matches("input.check")) return;
  const box = /** @type {HTMLInputElement} */ (target);
  const all = boxes();
  const [from, to] = [all.findIndex(({ value }) => value === last), all.indexOf(box)].sort((a, b) => a - b);
  if (event.shiftKey && from >= 0) for (const between of all.slice(from, to + 1)) between.checked = box.checked;
  last = box.value;
});
addEventListener("change", (event) => {
  const box = /** @type {HTMLInputElement} */ (event.target);
  if (box.matches?.("[data-choose-all]")) for (const one of boxes()) one.checked = box.checked;
  tell();
});
// Escape closes what is open first.
const OPEN = "dialog[open], details.menu[open], :popover-open";
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector(OPEN) && ticked().length) none();
});
addEventListener("pageshow", tell); // a page that is come back to keeps its ticks
on("htmx:afterSettle", tell);
on("queue:changed", tell);
