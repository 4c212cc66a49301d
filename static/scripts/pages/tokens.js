// The secret of a new token, to be copied while it is shown.
import { allOf, byId } from "../lib/elements.js";

for (const button of allOf(document, "[data-copy]", HTMLButtonElement)) {
  const words = byId(button.dataset.copy, HTMLElement);
  button.addEventListener("click", async () => {
    getSelection()?.selectAllChildren(words); // where a browser lets no page write, one key is left to press
    try {
      await navigator.clipboard.writeText(words.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      button.textContent = "Now press Ctrl C";
    }
  });
}
