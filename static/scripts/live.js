// Keeps the page true. htmx's ws extension holds the socket and swaps what the server pushes; this adds the chip, polling
// while the socket is down, and calm: a late row is ignored, and nothing moves under a hand.
import { allOf } from "./lib/elements.js";
import { htmx, on } from "./lib/htmx.js";
import { clock } from "./lib/times.js";

const body = document.body;
const query = body.getAttribute("ws-connect").split("?")[1];
const POLL_MS = 3000;
const CHECK_MS = 30000;
const HOLD_MS = 10000;
const chip = document.getElementById("live");
const list = () => ["jobs", "grid", "stats", "operators"].map((id) => document.getElementById(id)).find(Boolean);
const rowsShown = () => allOf(document, "#jobs-rows > article", HTMLElement);
const title = document.title;
let open = false;
let socket = null;
let wire = null;
let timer = 0;
let asked = 0;
let heard = 0;
let failures = 0;
let missed = 0;

// The socket: live once it has told what there is, not when it opens -------------------------------------------------

// After a restart all pages come back at once: the pauses grow, and no two pages keep the same ones.
const spread = (ms) => ms * (0.25 + 0.75 * Math.random());
const reconnectDelay = () => spread(Math.min(8000, 1000 * 2 ** failures));
htmx.config.wsReconnectDelay = reconnectDelay;
htmx.createWebSocket = (url) => (wire = new WebSocket(`${url}&state=${list()?.dataset.state ?? ""}`));
on("htmx:wsOpen", (event) => {
  socket = event.detail.socketWrapper;
});
on("htmx:wsBeforeMessage", () => {
  heard += 1;
});
on("htmx:wsAfterMessage", () => {
  notice();
  failures = 0;
  if (open) return;
  open = true;
  say("Live", "succeeded");
  later(CHECK_MS);
});
on("htmx:wsClose", (event) => {
  const { code, target } = event.detail.event;
  if (target !== wire) return; // another one has taken its place
  socket = event.detail.socketWrapper ?? socket;
  open = false;
  forget();
  if (code === 4401) return signedOut();
  say("Reconnecting", "waiting");
  later(spread(POLL_MS));
  // htmx gives up after other codes than these.
  // 4012: the server that it was ends, and another one is there.
  const pause = code === 4012 ? 0 : 2000;
  if (![1006, 1011, 1012, 1013].includes(code)) setTimeout(() => open || socket.reconnect(), pause + reconnectDelay());
  failures += 1;
});

function say(words, look) {
  chip.hidden = false;
  if (chip.textContent !== words) chip.textContent = words;
  chip.className = `chip ${look}${open ? " live" : ""}`;
  chip.title = open ? "Changes arrive as they happen" : "Changes arrive a little later";
}

function signedOut() {
  clearTimeout(timer);
  say("Signed out", "failed");
  chip.title = "Load the page again to sign in";
}

// Polling: every 3 s without a socket, now and then with one, in case it went silent without closing -----------------

let checked = 0;
function later(ms) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const spoke = open && heard !== checked && list()?.dataset.state !== "";
    checked = heard;
    if (spoke)
      later(CHECK_MS); // no need to ask
    else poll();
  }, ms);
}

// An answer that was overtaken by a push or a later question may be older than what is shown: it is not used.
async function poll() {
  clearTimeout(timer);
  const mine = ++asked;
  const known = heard;
  try {
    const response = await fetch(`${body.dataset.rows}?${query}&state=${list()?.dataset.state ?? ""}`, {
      headers: { "HX-Request": "true" },
      redirect: "manual",
      signal: AbortSignal.timeout(10000),
    });
    if (response.type === "opaqueredirect" || response.status === 401) return signedOut();
    if (!response.ok) throw new Error(response.statusText);
    const markup = await response.text();
    missed = 0;
    if (mine !== asked) return;
    if (known !== heard) return later(list()?.dataset.state === "" ? POLL_MS / 3 : CHECK_MS);
    if (markup.trim()) htmx.swap(body, markup, { swapStyle: "none", swapDelay: 0, settleDelay: 0 });
    notice();
    if (!open) say("Checking every 3 s", "waiting");
  } catch {
    if (!open || known === heard) {
      // no answer, and no word by the socket either
      if (open) socket.reconnect();
      open = false;
      say("Reconnecting", "waiting");
    }
    missed += 1;
  }
  later(open ? CHECK_MS : missed ? spread(POLL_MS * 2 ** Math.min(missed, 3)) : POLL_MS);
}

addEventListener("online", poll);
document.addEventListener("visibilitychange", () => document.hidden || poll());
// What an undo brings back the server may believe to be shown still, as it was before anybody was told that it went.
on("htmx:afterRequest", ({ target, detail }) => {
  if (target.closest("article.job, #ask") || detail.requestConfig.path.startsWith("/trash/")) poll();
});

// Calm: while a pointer or the focus is on a row, rows change in place but none comes, goes or moves -----------------

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
    document.querySelector("#jobs-rows > article:hover")) ||
  document.querySelector("#jobs-rows :focus-visible");

on("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  const incoming = fragment.firstElementChild;
  if (target.id === "jobs" && incoming?.id === "jobs") {
    event.detail.shouldSwap = false;
    merge(target, incoming);
  }
  if (target.id === "queue-count") queueMicrotask(counted);
});

const older = (incoming, shown) => Number(incoming.dataset.version) < Number(shown.dataset.version);

// Put a row in the place of its earlier self: its bar glides on, and the focus stays.
function replace(shown, row) {
  if (replaceParts(shown, row)) return;
  const focus = shown.contains(document.activeElement) ? document.activeElement.id : "";
  const before = shown.querySelector(".how progress")?.value;
  const bar = row.querySelector(".how progress");
  const after = bar?.value;
  row.removeAttribute("hx-swap-oob");
  if (bar && before < after) bar.value = before;
  shown.replaceWith(row);
  htmx.process(row);
  if (bar && before < after)
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        bar.value = after;
      }),
    );
  if (focus) (document.getElementById(focus) ?? row.querySelector(".acts :is(a, button)"))?.focus();
}

// A row of many parts, such as a chain, stays, and only parts that look different are replaced: one of the others may be open
// or playing. Returns whether that could be done.
function replaceParts(shown, row) {
  if (shown.dataset.parts === undefined) return false;
  const [before, after] = [shown, row].map((one) => [...one.querySelectorAll(":scope > [data-part]")]);
  const same = before.length === after.length && before.every((part, at) => part.id === after[at].id);
  if (!same) return false;
  for (const { name, value } of row.attributes) if (name !== "hx-swap-oob") shown.setAttribute(name, value);
  after.forEach((part, at) => {
    if (part.dataset.part !== before[at].dataset.part) replace(before[at], part);
  });
  return true;
}

// Turn the list into `incoming`, leaving the rows that are the same alone: one of them may be playing. With an order
// it holds only the rows that changed, and without a state only some of those: the rest and the order follow.
const ahead = new Map();
const turned = new Set(); // rows without a place as yet, and those put in the place of an earlier self
let still = false;
function merge(target, incoming) {
  still ||= Boolean(held()); // before a row under the pointer is replaced
  const rows = document.getElementById("jobs-rows");
  const sent = [...incoming.querySelectorAll("article.job")];
  const { state, order: told } = incoming.dataset;
  const order =
    told === undefined
      ? sent.map((row) => row.id)
      : told
          .split(" ")
          .filter(Boolean)
          .map((id) => `job-${id}`);
  for (const row of sent) {
    const shown = document.getElementById(row.id);
    if (!shown) ahead.set(row.id, row);
    else if (row.dataset.stamp !== shown.dataset.stamp && !older(row, shown)) {
      replace(shown, row);
      turned.add(row);
    }
  }
  if (state === undefined) return;
  const lacks = order.some((id) => !document.getElementById(id) && !ahead.has(id));
  target.dataset.state = still || lacks ? "" : state; // what it then asks for is the whole list
  owed = still || lacks;
  if (!still) arrange(rows, order);
  forget();
}

function forget() {
  ahead.clear();
  turned.clear();
  still = false;
}

function arrange(rows, order) {
  for (const row of rowsShown()) if (!order.includes(row.id)) row.remove();
  let place = rows.firstElementChild;
  for (const id of order) {
    const row = document.getElementById(id) ?? ahead.get(id);
    while (row !== place && turned.has(place)) {
      // it is this one that moves, not those below it
      const below = place.nextElementSibling;
      ahead.set(place.id, place);
      place.remove();
      place = below;
    }
    if (row === place) place = place?.nextElementSibling ?? null;
    else if (row) rows.insertBefore(row, place);
    if (ahead.has(id)) {
      row.classList.add("new");
      htmx.process(row);
    }
  }
}

// Tell the rest of the page when a job turned into another state, by whichever way its row came.
const states = new Map();
function notice() {
  for (const row of rowsShown()) {
    const before = states.get(row.id);
    states.set(row.id, row.dataset.status);
    if (before && before !== row.dataset.status) htmx.trigger(body, "job:turned");
  }
}

// A result starts when its player is opened.
document.addEventListener(
  "toggle",
  (event) => {
    const target = /** @type {HTMLDetailsElement} */ (event.target);
    if (!target.matches?.(".play")) return;
    const film = target.querySelector("video");
    if (target.open) film.play().catch(() => {});
    else film.pause();
  },
  true,
);

// The count and the clocks ------------------------------------------------------------------------------------------

function counted() {
  const { percent } = document.getElementById("queue-count").dataset;
  document.title = percent === undefined ? title : `${percent} % · ${title}`;
  htmx.trigger(body, "queue:changed");
}

setInterval(() => {
  for (const running of allOf(document, "[data-ticks]", HTMLElement)) {
    const seconds = Number(running.dataset.ticks) + 1;
    running.dataset.ticks = String(seconds);
    running.textContent = clock(seconds);
  }
}, 1000);

say("Connecting", "waiting");
counted();
notice();
later(POLL_MS); // in case the socket never opens
