// Buttons of a stage that have to do with the player.
import { element } from "../lib/elements.js";
import { stage as player } from "../stage.js";

/** @param {Record<string, () => void>} named */
export function buttons(named) {
  const row = element("div", { className: "row wrap tight" });
  for (const [textContent, does] of Object.entries(named)) {
    const made = element("button", { type: "button", className: "button small", textContent });
    made.addEventListener("click", does);
    row.append(made);
  }
  return row;
}

let until = null;

/**
 * Play from one time to another, both in seconds.
 * @param {number} start
 * @param {number} end
 */
export function play(start, end) {
  player.currentTime = start;
  until = end;
  player.play().catch(() => {});
}

player.addEventListener("timeupdate", () => {
  if (until === null || player.seeking || player.currentTime < until) return;
  until = null;
  player.pause();
});
player.addEventListener("pause", () => {
  until = null;
});
