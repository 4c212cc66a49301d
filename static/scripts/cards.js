// Cards in the library show what a recording looks like at other times: the pointer's place on the picture is the time. A
// finger drags, arrow keys step.
import { element, targetOf } from "./lib/elements.js";
import { moment } from "./lib/times.js";
import { Storyboard } from "./storyboard.js";

const DRAG_PX = 10;
const still = matchMedia("(prefers-reduced-motion: reduce)");
/** @typedef {{ card: HTMLElement, canvas: HTMLCanvasElement, view: HTMLElement, at: HTMLElement }} Look */
const cardOf = (event, within) =>
  /** @type {HTMLElement | null} */ (targetOf(event).closest?.(within)?.closest(".vid[data-storyboard]") ?? null);

/** @type {Look | null} */
let look = null;
let part = 0;
let touchedAt = null;
let dragged = false;

/** @param {HTMLElement} card */
function open(card) {
  const canvas = element("canvas", { width: 320, height: 180 });
  const at = element("span", { className: "at num" });
  const view = element("span", { className: "scr", hidden: true }, canvas, element("i"), at);
  card.querySelector(".time").before(view);
  look = { card, canvas, view, at };
}

/** @param {HTMLElement} card */
async function show(card, fraction) {
  if (look?.card !== card) {
    leave();
    open(card);
  }
  const mine = look;
  part = Math.min(Math.max(fraction, 0), 0.9999);
  const drawn = await Storyboard.of(card.dataset.storyboard).draw(mine.canvas, part * Number(card.dataset.duration));
  if (mine !== look || !drawn) return;
  look.view.hidden = false;
  look.view.style.setProperty("--at", `${part * 100}%`);
  look.at.textContent = moment(part * Number(card.dataset.duration));
}

function leave() {
  look?.view.remove();
  look = touchedAt = null;
}

const along = (card, event) => {
  const box = card.querySelector(".frame").getBoundingClientRect();
  return (event.clientX - box.left) / box.width;
};

document.addEventListener("pointerdown", (event) => {
  dragged = false;
  touchedAt = event.pointerType !== "mouse" && cardOf(event, ".frame") ? event.clientX : null;
});

document.addEventListener("pointermove", (event) => {
  const card = cardOf(event, ".frame");
  const byMouse = event.pointerType === "mouse" && !still.matches && !card?.querySelector(".loop"); // which plays then
  dragged ||= touchedAt !== null && Math.abs(event.clientX - touchedAt) > DRAG_PX;
  if (card && (byMouse || dragged)) show(card, along(card, event));
  else if (look && event.pointerType === "mouse" && !look.card.contains(document.activeElement)) leave();
});

document.addEventListener("pointerup", (event) => event.pointerType !== "mouse" && leave());
document.addEventListener("pointercancel", (event) => event.pointerType !== "mouse" && leave());
document.documentElement.addEventListener("pointerleave", leave);
document.addEventListener(
  "dragstart",
  (event) => cardOf(event, ".frame") && touchedAt !== null && event.preventDefault(),
);
document.addEventListener("click", (event) => {
  if (dragged && cardOf(event, ".frame")) event.preventDefault(); // the finger was looking, not opening
  dragged = false;
});

document.addEventListener("focusout", (event) => look?.card.contains(targetOf(event)) && leave());
document.addEventListener("keydown", async (event) => {
  const card = cardOf(event, "[data-open]");
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!card || !step || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const count = (await Storyboard.of(card.dataset.storyboard).cues()).length;
  if (count) show(card, look?.card === card ? part + step / count : 0);
});
