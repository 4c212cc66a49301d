// After a form came back: what is wrong has the focus, and is in sight.
import { on } from "./lib/htmx.js";

const WRONG = "[aria-invalid=true], .errorlist, :is(.note.error, .note.bad)[role=alert]";

const fieldOf = (place) =>
  place?.querySelector("[data-choose]") ?? place?.querySelector("input:not([type=hidden]), select, textarea");

function lead(place) {
  for (const one of place.querySelectorAll(WRONG)) {
    const fold = one.closest("details");
    if (fold) fold.open = true;
    if (!one.checkVisibility()) continue;
    const field = one.matches(".errorlist") ? fieldOf(one.closest(".field")) : one;
    const aim = field?.checkVisibility() ? field : one;
    if (aim === one && !one.matches("input, select, textarea")) one.tabIndex = -1;
    aim.focus({ preventScroll: true });
    (aim.closest(".field") ?? aim).scrollIntoView({ block: "center" });
    return;
  }
}

addEventListener("DOMContentLoaded", () => lead(document.getElementById("main")));
on("htmx:afterSettle", ({ target }) => lead(target));
