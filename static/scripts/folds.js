// Results open below their row: fetched when they are asked for, and put away again by the same button.
import { allOf, targetOf } from "./lib/elements.js";
import { htmx, on } from "./lib/htmx.js";

addEventListener("click", (event) => {
  const button = targetOf(event).closest("[data-fold]");
  if (!(button instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  turn(button);
});

const openedIn = (row) => row.querySelector(":scope > .opened");

async function turn(button) {
  const row = button.closest("article");
  const wasMine = button.getAttribute("aria-expanded") === "true";
  openedIn(row)?.remove();
  for (const one of row.querySelectorAll("[data-fold]")) one.setAttribute("aria-expanded", "false");
  if (wasMine) return;
  const place = document.createElement("div");
  place.className = "opened";
  place.setAttribute("aria-busy", "true");
  row.append(place);
  button.setAttribute("aria-expanded", "true");
  const plays = button.dataset.fold === "play";
  await fetchInto(place, row, button, plays);
  if (place.isConnected) place.remove(); // nothing came: it is said above
  const film = openedIn(row)?.querySelector("video, audio");
  if (!openedIn(row)) button.setAttribute("aria-expanded", "false");
  else if (plays && film instanceof HTMLMediaElement) film.play().catch(() => {});
}

const fetchInto = (target, row, source, plays = false) =>
  htmx.ajax("get", `/queue/results/${row.id.slice(4)}/${plays ? "?play" : ""}`, { source, target, swap: "outerHTML" });

// Which picture stands for the recording is said beside each of them.
on("htmx:afterRequest", ({ detail }) => {
  if (!detail.successful || !/\/poster\//.test(detail.requestConfig.path)) return;
  for (const opened of allOf(document, "article > .opened", HTMLElement))
    fetchInto(opened, opened.closest("article"), document.body);
});
