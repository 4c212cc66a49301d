// Who asked for less motion reads a library that stays as it is: a button says that something is new, and has it shown.
import { element } from "./lib/elements.js";

const ACTED_MS = 5000;
const still = matchMedia("(prefers-reduced-motion: reduce)");
let actedAt = -ACTED_MS;
let place = null;

for (const kind of ["click", "keydown"]) addEventListener(kind, () => (actedAt = performance.now()));

/** @returns {boolean} whether something waits for the button, and somebody may be reading */
export const isOffered = () => place !== null && !document.hidden;

// What a person just did shows at once.
/**
 * @param {Element} shelf
 * @param {Element[]} drawn
 */
export const wouldJump = (shelf, drawn) =>
  still.matches &&
  !document.hidden &&
  performance.now() - actedAt > ACTED_MS &&
  [...shelf.children].some((one, at) => one.id !== drawn[at]?.id);

/** @param {() => void} show */
export function offer(show) {
  if (place) return;
  const onclick = () => {
    settle();
    show();
  };
  place = element("p", { className: "arrivals", role: "status" });
  document.body.append(place); // before its words, so that they are read out
  place.append(element("button", { type: "button", className: "button play", onclick }, "Show what is new"));
}

export function settle() {
  place?.remove();
  place = null;
}
