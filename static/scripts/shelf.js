// Keeps the library true: whenever the socket, or the answer that stands in for it, names another state than the shelf
// shows, this asks for the shelf, until it shows the one named last.
import { htmx, on } from "./lib/htmx.js";

const PAUSE_MS = 2000;
const shelf = () => document.getElementById("grid");
const query = document.body.getAttribute("ws-connect").split("?")[1];
let wanted = shelf().dataset.state;
let waiting = false;

on("htmx:oobBeforeSwap", ({ detail: { target, fragment } }) => {
  if (target.id !== "shelf-state") return;
  wanted = fragment.firstElementChild.dataset.state;
  ask();
});

async function ask() {
  if (waiting || shelf().dataset.state === wanted) return;
  waiting = true;
  const before = shelf();
  await htmx
    .ajax("get", `${shelf().dataset.from}?${query}`, { source: document.body, target: "#grid", swap: "outerHTML" })
    .catch(() => {});
  setTimeout(() => {
    waiting = false;
    if (shelf() !== before) ask(); // else it waits for another word of the state: the server may be away
  }, PAUSE_MS);
}
