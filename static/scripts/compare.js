// Before and after: the sound as it was runs along, and a press lets one or the other be heard.
import { targetOf } from "./lib/elements.js";

const APART = 0.08; // seconds, less than an echo
const of = (node) => {
  const section = node.closest?.("[data-compare]");
  if (!section) return null;
  return { section, after: section.querySelector("[data-after]"), before: section.querySelector("[data-before]") };
};
const hearsBefore = ({ section }) => section.dataset.compare === "before";

function follow(pair) {
  const { before, after } = pair;
  if (!hearsBefore(pair)) return before.pause();
  if (Math.abs(before.currentTime - after.currentTime) > APART) before.currentTime = after.currentTime;
  before.playbackRate = after.playbackRate;
  before.volume = after.volume;
  if (after.paused || after.seeking) before.pause();
  else before.play().catch(() => hear(pair, "after"));
}

function hear(pair, which) {
  pair.section.dataset.compare = which;
  pair.after.muted = which === "before";
  for (const button of pair.section.querySelectorAll("button[value]")) {
    button.setAttribute("aria-pressed", String(button.value === which));
  }
  follow(pair);
}

document.addEventListener("click", (event) => {
  const button = /** @type {HTMLButtonElement} */ (targetOf(event).closest("[data-compare] button[value]"));
  if (button) hear(of(button), button.value);
});
// What happens to a player does not bubble, but is seen on its way down.
for (const name of ["play", "pause", "seeking", "seeked", "ratechange", "timeupdate"]) {
  document.addEventListener(
    name,
    (event) => {
      const pair = targetOf(event).matches?.("[data-after]") && of(targetOf(event));
      if (pair) follow(pair);
    },
    true,
  );
}
document.addEventListener(
  "error",
  (event) => {
    const pair = targetOf(event).matches?.("[data-before]") && of(targetOf(event));
    if (!pair) return;
    hear(pair, "after");
    pair.section.querySelector("[role=status]").hidden = false;
  },
  true,
);
