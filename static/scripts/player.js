// Keys for the recording on its page, and a word when this browser cannot play it.
import { targetOf } from "./lib/elements.js";
import { on } from "./lib/htmx.js";
import { deck } from "./recording/deck.js";
import { stage } from "./stage.js";

const unplayable = () => {
  document.getElementById("unplayable").hidden = false;
};
stage.addEventListener("error", unplayable);
if (stage.element.error) unplayable();
// Some play the sound of a picture that they cannot show, and say nothing.
const look = ({ localName, readyState, videoWidth }) => {
  if (localName === "video" && readyState && !videoWidth) unplayable();
};
stage.element.addEventListener("loadedmetadata", () => look(stage.element));
look(stage.element);

on("htmx:afterRequest", ({ detail }) => {
  const poster = detail.xhr?.getResponseHeader("X-Poster") ?? null;
  if (poster !== null) stage.element.poster = poster;
});

const [over, under = 1] = (stage.element.dataset.frameRate || "").split("/"); // exact: 30000/1001
const rate = over / under || 25; // a sound has no frames: then small steps
const frames = (count) => {
  deck.now.pause();
  // To the middle of the frame, since at its start rounding may show the one before.
  deck.currentTime = Math.max(0, (Math.floor(deck.currentTime * rate + 0.001) + count + 0.5) / rate);
};
const does = {
  " ": () => deck.toggle(),
  ArrowLeft: () => {
    deck.currentTime -= 5;
  },
  ArrowRight: () => {
    deck.currentTime += 5;
  },
  ",": () => frames(-1),
  ".": () => frames(1),
};

addEventListener("keydown", (event) => {
  const busy = targetOf(event).closest("input, select, textarea, button, a, summary, video, audio, dialog, [popover]");
  if (busy && busy !== deck.element) return;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || !does[event.key])
    return;
  event.preventDefault(); // also keeps the player's own keys from doing it twice
  does[event.key]();
});
