// Buttons that copy an address of this site, whole, and say so for a moment.
import { targetOf } from "./lib/elements.js";

const SAID_MS = 2000;

addEventListener("click", async (event) => {
  const pressed = /** @type {HTMLElement | null} */ (targetOf(event).closest("[data-copy]"));
  if (!pressed || !navigator.clipboard) return;
  event.preventDefault();
  const address = new URL(pressed.dataset.copy, location.href).href;
  const went = await navigator.clipboard.writeText(address).then(
    () => true,
    () => false,
  );
  if (!went) return location.assign(address);
  const words = pressed.lastChild;
  const before = words.textContent;
  if (before === "Copied") return;
  words.textContent = "Copied";
  setTimeout(() => {
    words.textContent = before;
  }, SAID_MS);
});
