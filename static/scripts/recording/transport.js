// The row below the picture: play, the time, the chapter, speed, captions, sound and the whole screen.
import { byId, targetOf } from "../lib/elements.js";
import { on } from "../lib/htmx.js";
import { clock, moment } from "../lib/times.js";
import { deck } from "./deck.js";

const row = byId("transport", HTMLElement);
const player = /** @type {HTMLElement} */ (row.closest(".player"));
const play = byId("play", HTMLButtonElement);
const now = byId("now", HTMLElement);
const whole = byId("whole", HTMLElement);
const speed = byId("speed", HTMLSelectElement);
const chapter = byId("chapter", HTMLElement);
const part = (id) => document.getElementById(id);
const length = Number(player.dataset.seconds);

const pressed = (button, is) => button?.setAttribute("aria-pressed", String(is));

function tell() {
  row.toggleAttribute("data-playing", !deck.paused);
  play.setAttribute("aria-label", deck.paused ? "Play" : "Pause");
  now.textContent = moment(deck.currentTime);
  whole.textContent = clock(deck.guest ? deck.duration : length);
  if (speed.value !== String(deck.now.playbackRate)) speed.value = String(deck.now.playbackRate);
  pressed(part("sound"), !deck.now.muted);
  named();
}

// Chapters: a file of a time and a title a line.
let chapters = [];
const seconds = (text) => text.split(":").reduce((sum, figure) => sum * 60 + Number(figure), 0);

async function readChapters(address) {
  const answer = await fetch(address).catch(() => null);
  const found = answer?.ok ? [...(await answer.text()).matchAll(/^([\d:]+) (.+)$/gm)] : [];
  chapters = found.map(([, time, title]) => ({ time: seconds(time), title }));
  named();
}

function named() {
  const at = deck.guest ? -1 : chapters.findLastIndex(({ time }) => time <= deck.currentTime);
  chapter.hidden = at < 0;
  const words = at < 0 ? "" : `${at + 1} ${chapters[at].title}`;
  if (chapter.textContent !== words) chapter.textContent = words;
}

const track = () => deck.element.querySelector("track")?.track;
function captions() {
  const button = part("captions");
  if (!button) return;
  button.hidden = !track();
  pressed(button, track()?.mode === "showing");
}

function fill() {
  const film = /** @type {HTMLVideoElement & { webkitEnterFullscreen?: () => void }} */ (deck.element);
  if (document.fullscreenElement) document.exitFullscreen();
  else if (player.requestFullscreen) player.requestFullscreen().catch(() => {});
  else film.webkitEnterFullscreen?.();
}

const does = {
  play: () => deck.toggle(),
  captions: () => {
    if (track()) track().mode = track().mode === "showing" ? "disabled" : "showing";
    captions();
  },
  sound: () => {
    deck.now.muted = !deck.now.muted;
    tell();
  },
  full: fill,
};
row.addEventListener("click", (event) => does[targetOf(event).closest("button")?.id]?.());
speed.addEventListener("change", () => {
  deck.now.playbackRate = Number(speed.value);
});
player.querySelector(".screen").addEventListener("click", () => deck.toggle());
for (const name of ["play", "pause", "ended", "timeupdate", "seeking", "seeked", "ratechange", "volumechange", "turn"])
  deck.addEventListener(name, tell);
on("htmx:afterSettle", captions);
if (player.dataset.chapters) readChapters(player.dataset.chapters);
captions();
tell();
