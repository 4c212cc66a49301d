// The rows of a page with jobs. While a pointer or the focus is on one, rows change in place but none comes, goes or moves;
// and the rest of the page is told when a job turned into another state, by whichever way its row came.
import { htmx, on } from "./lib/htmx.js";
import { forget, merge, rowsShown } from "./list.js";
import { poll } from "./live.js";

const HOLD_MS = 10000;
let movedAt = -HOLD_MS;
let owed = false;
addEventListener(
  "pointermove",
  () => {
    movedAt = performance.now();
  },
  { passive: true },
);
addEventListener("click", () => {
  movedAt = -HOLD_MS;
}); // what a person just did shows at once
setInterval(() => {
  if (owed && !held()) {
    owed = false;
    poll();
  }
}, 500);

const held = () =>
  (performance.now() - movedAt < HOLD_MS &&
    matchMedia("(hover: hover)").matches &&
    document.querySelector("#jobs-rows article.job:hover")) ||
  document.querySelector("#jobs-rows :focus-visible");

on("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  const incoming = fragment.firstElementChild;
  if (target.id !== "jobs" || incoming?.id !== "jobs") return;
  event.detail.shouldSwap = false;
  const late = merge(target, incoming, held);
  if (late !== undefined) owed = late;
});

const states = new Map();
function notice() {
  for (const row of rowsShown()) {
    const before = states.get(row.id);
    states.set(row.id, row.dataset.status);
    if (before && before !== row.dataset.status) htmx.trigger(document.body, "job:turned");
  }
}

on("live:heard", notice);
on("live:lost", forget);
notice();
