// A recording: its player, the cut plan, forms for all other work, and what not every recording has.
import "../copying.js";
import "../do.js";
import "../folds.js";
import "../forms.js";
import "../recording/parts.js";
import { allOf } from "../lib/elements.js";
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

// The transcript is far down, or comes to the page later, and then brings captions to the player.
const words = () => document.querySelector("#transcript[data-words]");
const openWords = () => import("../transcript.js");
const first = words();
if (first) whenSeen(first, openWords, { rootMargin: "400px" });
on("htmx:afterSettle", () => {
  if (words() && words() !== first) openWords();
});

// One green button in a view: what leads to the cut is not it while the button that makes it is in sight.
const render = document.getElementById("cut-render");
const lead = new IntersectionObserver(([{ isIntersecting }]) => {
  for (const link of allOf(document, ":is(.rec-head, .phonebar) a[href='#cut']", HTMLElement))
    link.classList.toggle("main", !isIntersecting);
});
if (render) lead.observe(render);
