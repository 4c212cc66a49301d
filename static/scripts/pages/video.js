// A recording: its player, the cut plan, forms for all other work, and what not every recording has.
import "../do.js";
import "../folds.js";
import "../forms.js";
import "../player.js";
import { openDesk } from "../cut/desk.js";
import { on } from "../lib/htmx.js";
import "../stages/open.js";

const cut = document.getElementById("cut");
if (cut) openDesk(cut);

// May come to the page later.
function fetchParts() {
  if (document.querySelector("#scrub[data-storyboard]")) import("../scrub.js");
  if (document.querySelector("#transcript[data-words]")) import("../transcript.js");
}
on("htmx:afterSettle", fetchParts);
fetchParts();
