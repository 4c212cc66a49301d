// A recording: its player, the cut plan, forms for all other work, and what not every recording has.
import "../copying.js";
import "../do.js";
import "../folds.js";
import "../forms.js";
import "../recording/parts.js";
import { on } from "../lib/htmx.js";
import { whenSeen } from "../lib/seen.js";
import { follow } from "../lib/told.js";

// One whose file is missing has none.
const cut = document.getElementById("cut");
if (document.getElementById("player")) {
  follow("scrub", "storyboard-state");
  follow("transcript", "transcript-state");
  import("../player.js");
  import("../stages/open.js");
  import("../scrub.js");
  import("../recording/transport.js");
  import("../recording/versions.js");
  import("../recording/results.js");
  if (cut) whenSeen(cut.querySelector(".wave"), openCut, { threshold: 0.5 });
}

async function openCut() {
  (await import("../cut/desk.js")).openDesk(cut);
}

// May come to the page later.
function fetchParts() {
  if (document.querySelector("#transcript[data-words]")) import("../transcript.js");
}
on("htmx:afterSettle", fetchParts);
fetchParts();
