// Results on a recording's page: sounds with their waves, heard in place.
import { allOf, targetOf } from "../lib/elements.js";
import { deck } from "./deck.js";
import { drawSound } from "./sound_strip.js";

const sound = new Audio();
sound.preload = "none";
let hears = ""; // whose button may be drawn anew meanwhile

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    const canvas = /** @type {HTMLCanvasElement} */ (target);
    drawSound(canvas, canvas.dataset.levels);
  }
});
const watch = () => {
  for (const canvas of allOf(document, ".miniw[data-levels]:not([width])", HTMLCanvasElement)) seen.observe(canvas);
};
addEventListener("part", watch);
watch();

function tell() {
  const button = hears && document.querySelector(`[data-hear="${CSS.escape(hears)}"]`);
  if (!button) return;
  button.setAttribute("aria-pressed", String(!sound.paused));
  button.querySelector("span").textContent = sound.paused ? "Play" : "Pause";
}
addEventListener("part", tell);

addEventListener("click", (event) => {
  const pressed = /** @type {HTMLElement | null} */ (targetOf(event).closest("[data-hear]"));
  if (!pressed) return;
  if (hears !== pressed.dataset.hear) {
    sound.pause();
    tell();
    hears = sound.src = pressed.dataset.hear;
  }
  if (sound.paused) {
    deck.now.pause();
    sound.play().catch(() => {});
  } else sound.pause();
});
deck.addEventListener("play", () => sound.pause());
for (const name of ["play", "pause", "ended"]) sound.addEventListener(name, tell);
