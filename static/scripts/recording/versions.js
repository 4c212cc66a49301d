// Other versions in the player: to hear one beside the recording, at the same moment of what was said.
import { targetOf } from "../lib/elements.js";
import { jsonOf } from "../lib/requests.js";
import { stage } from "../stage.js";
import { deck } from "./deck.js";

const choice = document.getElementById("compare");
const player = /** @type {HTMLElement} */ (document.querySelector(".player"));
const screen = player.querySelector(".screen");
const guests = new Map(); // by address: {element, keep}

// Where in the original each second of a cut lies, and the other way round. Without ranges both run alike.
const original = (keep, time) => {
  if (!keep) return time;
  for (const [start, end] of keep) {
    if (time <= end - start) return start + time;
    time -= end - start;
  }
  return keep.at(-1)[1];
};
const inCut = (keep, time) => {
  if (!keep) return time;
  let passed = 0;
  for (const [start, end] of keep) {
    if (time < start) return passed;
    if (time <= end) return passed + time - start;
    passed += end - start;
  }
  return passed;
};

// What a job kept of the original, in seconds; null where all of it stayed, or it worked on something else.
async function kept(job) {
  if (!job) return null;
  const found = await jsonOf(await fetch(`/api/v1/jobs/${job}`).catch(() => null));
  const cut = found?.source ? null : found?.artifacts?.find(({ metadata }) => metadata?.keep)?.metadata;
  return cut && !cut.fast?.length ? cut.keep : null;
}

const mine = player.dataset.job ? kept(player.dataset.job) : Promise.resolve(null);

async function guest({ file, kind, job, name }) {
  if (!guests.has(file)) {
    const element = document.createElement(kind === "audio" ? "audio" : "video");
    Object.assign(element, { src: file, preload: "metadata", playsInline: true, className: "guest", hidden: true });
    element.setAttribute("aria-label", name);
    screen.append(element);
    deck.pass(element, () => deck.guest === element);
    guests.set(file, { element, keep: await kept(job) });
  }
  return guests.get(file);
}

async function show(version) {
  const { element, keep } = await guest(version);
  const time = inCut(keep, original(deck.guest ? keepOf(deck.guest) : await mine, deck.currentTime));
  deck.show(element, time);
}

const keepOf = (element) => [...guests.values()].find((one) => one.element === element)?.keep ?? null;

async function back() {
  if (deck.guest) deck.show(null, inCut(await mine, original(keepOf(deck.guest), deck.currentTime)));
}

// The switch in the row of the player: what it offers beside the recording is what was shown last.
function offer({ file, kind, job, name }) {
  Object.assign(choice.dataset, { file, kind, job });
  choice.querySelector("label:last-of-type span").textContent = name;
  choice.hidden = false;
}
const offered = () => {
  const { file, kind, job } = choice.dataset;
  return { file, kind, job, name: choice.querySelector("label:last-of-type span").textContent };
};

choice.addEventListener("change", (event) => {
  if (/** @type {HTMLInputElement} */ (targetOf(event)).value === "main") back();
  else show(offered());
});
deck.addEventListener("turn", () => {
  /** @type {HTMLInputElement} */ (choice.querySelector(`[value=${deck.guest ? "guest" : "main"}]`)).checked = true;
});

const versionOf = (link) => ({
  file: link.dataset.play,
  kind: link.dataset.kind,
  job: link.dataset.job,
  name: link.dataset.name,
});

// Playing one of a list, and comparing by its menu.
addEventListener("click", async (event) => {
  const target = targetOf(event);
  const row = /** @type {HTMLElement | null} */ (target.closest("[data-compare]"));
  const link = /** @type {HTMLElement | null} */ (
    row ? document.querySelector(`#${row.dataset.compare} [data-play]`) : target.closest("[data-play]")
  );
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  target.closest("details.menu")?.removeAttribute("open");
  const isMine = link.closest(".ver.on");
  if (isMine) await back();
  else {
    const version = versionOf(link);
    offer(version);
    await show(version);
  }
  player.scrollIntoView({ block: "nearest" });
  if (deck.paused) deck.toggle();
});

stage.addEventListener("ended", () => deck.tell("ended"));
