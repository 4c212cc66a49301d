// Cards in the library show what a recording looks like at other times: the pointer's place on the card is the time. A finger
// drags, arrow keys step.
import { targetOf } from "./lib/elements.js";
import { moment } from "./lib/times.js";
import { Storyboard } from "./storyboard.js";

const DRAG_PX = 10;
const still = matchMedia("(prefers-reduced-motion: reduce)");
// The card of what is looked at, null for anything else.
const cardOf = (event) =>
  /** @type {HTMLElement | null} */ (targetOf(event).closest?.(".video[data-storyboard]") ?? null);

let card = null;
let part = 0;
let touchedAt = null;
let dragged = false;

function canvasOf(shown) {
  const poster = shown.querySelector(".poster");
  let canvas = poster.querySelector("canvas");
  if (!canvas) {
    canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [320, 180];
    poster.querySelector(".time").before(canvas);
  }
  return canvas;
}

async function look(shown, fraction) {
  if (card !== shown) leave();
  card = shown;
  part = Math.min(Math.max(fraction, 0), 0.9999);
  const seconds = part * Number(shown.dataset.duration);
  const time = shown.querySelector(".time");
  time.dataset.whole ??= time.textContent;
  const drawn = await Storyboard.of(shown.dataset.storyboard).draw(canvasOf(shown), seconds);
  if (card !== shown || !drawn) return;
  shown.classList.add("scrubbed");
  time.textContent = `${moment(part * Number(shown.dataset.duration))} of ${time.dataset.whole}`;
}

function leave() {
  card?.classList.remove("scrubbed");
  const time = card?.querySelector(".time");
  if (time?.dataset.whole) time.textContent = time.dataset.whole;
  card = touchedAt = null;
}

const along = (shown, event) => {
  const box = shown.getBoundingClientRect();
  return (event.clientX - box.left) / box.width;
};

document.addEventListener("pointerdown", (event) => {
  dragged = false;
  touchedAt = event.pointerType !== "mouse" && cardOf(event) ? event.clientX : null;
});

document.addEventListener("pointermove", (event) => {
  const shown = cardOf(event);
  const byMouse = event.pointerType === "mouse" && !still.matches && !shown?.querySelector(".loop"); // which plays then
  dragged ||= touchedAt !== null && Math.abs(event.clientX - touchedAt) > DRAG_PX;
  if (shown && (byMouse || dragged)) look(shown, along(shown, event));
  else if (card && event.pointerType === "mouse" && !card.contains(document.activeElement)) leave();
});

document.addEventListener("pointerup", (event) => event.pointerType !== "mouse" && leave());
document.addEventListener("pointercancel", (event) => event.pointerType !== "mouse" && leave());
document.documentElement.addEventListener("pointerleave", leave);
document.addEventListener("dragstart", (event) => cardOf(event) && touchedAt !== null && event.preventDefault());
document.addEventListener("click", (event) => {
  if (dragged && cardOf(event)) event.preventDefault(); // the finger was looking, not opening
  dragged = false;
});

document.addEventListener("focusout", (event) => card?.contains(targetOf(event)) && leave());
document.addEventListener("keydown", async (event) => {
  const shown = cardOf(event);
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!shown || !step || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const count = (await Storyboard.of(shown.dataset.storyboard).cues()).length;
  if (count) look(shown, card === shown ? part + step / count : 0);
});
