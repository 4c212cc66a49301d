// Keeps the library true: cards and rows whose look changed are drawn anew in their places, and what came, went or moved
// takes its place once no pointer, focus or open menu is on the shelf.
import { isOffered, offer, settle, wouldJump } from "./arrivals.js";
import { allOf, byId, handles } from "./lib/elements.js";
import { htmx, on } from "./lib/htmx.js";
import { view } from "./lib/requests.js";

const PAUSE_MS = 1000;
const HOLD_MS = 10000;
const grid = () => byId("grid", HTMLElement);
const shelfOf = (part) => /** @type {HTMLElement | null} */ (part.querySelector("[data-shelf]"));
let wanted = grid().dataset.state;
let asking = false;
let owed = false; // something has not taken its place as yet
let movedAt = -HOLD_MS;

on("htmx:oobBeforeSwap", ({ detail: { target, fragment } }) => {
  if (target.id !== "shelf-state") return;
  wanted = fragment.firstElementChild.dataset.state;
  ask();
});

// What was just found is as it is wanted.
on("htmx:afterSwap", ({ detail }) => {
  if (detail.elt.id !== "grid") return;
  wanted = grid().dataset.state;
  owed = false;
  settle();
});

addEventListener("pointermove", () => (movedAt = performance.now()), { passive: true });
addEventListener("click", () => (movedAt = -HOLD_MS)); // what a person just did shows at once
setInterval(() => grid().dataset.state === wanted || held() || isOffered() || ask(), PAUSE_MS / 2);

const held = () =>
  grid().querySelector("details[open], :focus-visible") ||
  (performance.now() - movedAt < HOLD_MS &&
    matchMedia("(hover: hover)").matches &&
    grid().querySelector("[data-walk]:hover"));

async function ask() {
  if (asking || grid().dataset.state === wanted) return;
  asking = true;
  const [asked, shown] = [wanted, view()];
  const options = { headers: { "HX-Request": "true" }, signal: AbortSignal.timeout(20000) };
  const answer = await fetch(`${grid().dataset.from}?${shown}`, options).catch(() => null);
  const markup = answer?.ok ? await answer.text().catch(() => "") : "";
  // Without one it waits for another word of the state: the server may be away. One that something else was looked for
  // meanwhile is of no use.
  if (markup && shown === view()) show(new DOMParser().parseFromString(markup, "text/html"));
  if (wanted === asked && !owed) wanted = grid().dataset.state; // another one is told of by another word
  setTimeout(() => {
    asking = false;
  }, PAUSE_MS);
}

/** @param {Document} sent */
function show(sent) {
  const incoming = sent.getElementById("grid");
  if (!incoming) return;
  for (const part of allOf(sent, "[hx-swap-oob]", HTMLElement)) {
    part.removeAttribute("hx-swap-oob");
    document.getElementById(part.id)?.replaceWith(part);
    htmx.process(part);
  }
  const [before, after] = [shelfOf(grid()), shelfOf(incoming)];
  if (before && after && before.tagName === after.tagName) merge(before, after, incoming);
  else swap(grid(), incoming);
}

function swap(shown, drawn) {
  owed = false;
  settle();
  shown.replaceWith(drawn);
  htmx.process(drawn);
}

function merge(before, after, incoming) {
  for (const drawn of /** @type {HTMLElement[]} */ ([...after.children])) {
    const shown = document.getElementById(drawn.id);
    if (shown) renew(shown, drawn);
  }
  const jumps = wouldJump(before, [...after.children]);
  if (jumps) offer(ask);
  owed = jumps || Boolean(held());
  if (owed) return;
  settle();
  arrange(before, [...after.children]);
  document.getElementById("shelf-foot")?.remove();
  grid().append(...incoming.querySelectorAll("#shelf-foot"));
  grid().dataset.state = incoming.dataset.state;
}

// Only its state where that is all that changed, so that whoever scrubs, ticks or types there is not disturbed.
function renew(shown, drawn) {
  if (shown.dataset.look !== drawn.dataset.look) return replace(shown, drawn);
  const parts = [...drawn.querySelectorAll("[data-part]")];
  [...shown.querySelectorAll("[data-part]")].forEach((part, at) => {
    if (parts[at] && part.innerHTML !== parts[at].innerHTML) glide(part, parts[at]);
  });
}

function glide(part, now) {
  const [bar, next] = [part, now].map((one) => one.querySelector("progress"));
  if (bar && next) bar.value = next.value;
  else part.replaceChildren(...now.cloneNode(true).childNodes);
}

function replace(shown, drawn) {
  if (shown.querySelector("details[open]")) return; // once it is closed
  const row = document.importNode(drawn, true);
  const [was, is] = [shown, row].map((one) => one.querySelector("input.check"));
  if (was && is) is.checked = was.checked;
  const focus = handles(shown).indexOf(/** @type {HTMLElement} */ (document.activeElement));
  shown.replaceWith(row);
  htmx.process(row);
  if (focus >= 0) (handles(row)[focus] ?? handles(row)[0]).focus({ preventScroll: true });
}

const still = matchMedia("(prefers-reduced-motion: reduce)");

// What has to make room glides there, so that nothing jumps and the eye can follow.
function arrange(shelf, drawn) {
  const before = [...shelf.children].map((one) => ({ one, was: one.getBoundingClientRect() }));
  reorder(shelf, drawn);
  for (const { one, was } of still.matches ? [] : before) {
    const is = one.getBoundingClientRect();
    const [x, y] = [was.left - is.left, was.top - is.top];
    if (one.isConnected && (x || y))
      one.animate({ translate: [`${x}px ${y}px`, "none"] }, { duration: 180, easing: "ease-out" });
  }
}

function reorder(shelf, drawn) {
  const order = drawn.map((one) => one.id);
  for (const shown of [...shelf.children]) if (!order.includes(shown.id)) shown.remove();
  let place = shelf.firstElementChild;
  for (const one of drawn) {
    const shown = document.getElementById(one.id);
    if (shown && shown === place) {
      place = place.nextElementSibling;
      continue;
    }
    const row = shown ?? document.importNode(one, true);
    shelf.insertBefore(row, place);
    if (!shown) {
      row.classList.add("new");
      htmx.process(row);
    }
  }
}
