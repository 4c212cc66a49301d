// Parts of a recording's page that change: each asks for itself when it is told that it looks different now, and takes over
// only the pieces (`data-stamp`) that do. While a pointer or the focus is on it nothing in it comes, goes or moves.
import { allOf, handles } from "../lib/elements.js";
import { htmx, on } from "../lib/htmx.js";

const PAUSE_MS = 1000;
const HELD_MS = 10000;
let movedAt = -HELD_MS;
addEventListener("pointermove", () => {
  movedAt = performance.now();
});
addEventListener("click", () => {
  movedAt = -HELD_MS; // what a person just did shows at once
});

class Part {
  constructor(id, told) {
    this.id = id;
    this.wanted = this.place?.dataset.state;
    this.asking = false;
    on("htmx:oobBeforeSwap", ({ detail: { target, fragment } }) => {
      if (target.id !== told) return;
      this.wanted = fragment.firstElementChild.dataset.state;
      this.ask();
    });
  }

  get place() {
    return document.getElementById(this.id);
  }

  get isHeld() {
    const list = this.place.querySelector("[data-hold]");
    const pointed = matchMedia("(hover: hover)").matches && list?.matches(":hover");
    return (pointed && performance.now() - movedAt < HELD_MS) || Boolean(list?.querySelector(":focus-visible"));
  }

  async ask() {
    const { place } = this;
    if (this.asking || !place?.dataset.from || place.dataset.state === this.wanted) return;
    this.asking = true;
    const answer = await fetch(place.dataset.from, { redirect: "error" }).catch(() => null);
    const markup = answer?.ok ? await answer.text().catch(() => "") : "";
    const fresh = new DOMParser().parseFromString(markup, "text/html").getElementById(this.id);
    if (fresh) this.take(document.importNode(fresh, true));
    setTimeout(() => {
      this.asking = false;
      if (fresh) this.ask(); // else it waits for another word of the state: the server may be away
    }, PAUSE_MS);
  }

  take(fresh) {
    const { place } = this;
    const [before, after] = [place, fresh].map((one) => new Map(pieces(one).map((piece) => [piece.id, piece])));
    const same = [...before.keys()].join() === [...after.keys()].join();
    if (!same && !this.isHeld) return this.arrange(fresh, before, after);
    for (const [id, piece] of after) if (before.has(id)) replace(before.get(id), piece);
    place.dataset.state = same ? fresh.dataset.state : "";
    place.hidden = fresh.hidden;
  }

  // Into its new order; what looks the same stays the same element, as one may be open or playing.
  arrange(fresh, before, after) {
    const back = keeping(this.place);
    for (const [id, piece] of after) {
      const shown = before.get(id);
      if (shown && shown.dataset.stamp === piece.dataset.stamp) piece.replaceWith(shown);
    }
    for (const { id, open } of allOf(this.place, "details[id]", HTMLDetailsElement)) {
      const fold = /** @type {HTMLDetailsElement | null} */ (fresh.querySelector(`#${id}`));
      if (fold) fold.open = open;
    }
    this.place.replaceWith(fresh);
    htmx.process(fresh);
    back(fresh);
  }
}

// What is open over the page, and what has the focus: to be so again in what takes its place.
function keeping(place) {
  const focus = /** @type {HTMLElement} */ (document.activeElement);
  const at = handles(place).indexOf(focus);
  const open = place.querySelector("[popover]:popover-open")?.id;
  return (now) => {
    const shown = open && document.getElementById(open);
    if (shown && !shown.matches(":popover-open")) shown.showPopover();
    const there = focus.isConnected ? focus : document.getElementById(focus.id);
    if (at >= 0) (there ?? handles(now)[at])?.focus({ preventScroll: true });
    dispatchEvent(new Event("part"));
  };
}

const pieces = (place) => allOf(place, "[data-stamp][id]", HTMLElement);
const latest = new WeakMap(); // by the piece that is shown

function replace(shown, piece) {
  latest.set(shown, piece);
  if (shown.dataset.stamp === piece.dataset.stamp) return;
  if (shown.querySelector("details.menu[open]")) {
    // Somebody is about to choose something.
    setTimeout(() => shown.isConnected && latest.get(shown) === piece && replace(shown, piece), PAUSE_MS);
    return;
  }
  const back = keeping(shown);
  shown.replaceWith(piece);
  htmx.process(piece);
  back(piece);
}

for (const id of ["versions", "results", "history", "gone"]) new Part(id, `${id}-state`);
