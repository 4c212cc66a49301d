// Keeps the page true. htmx's ws extension holds the socket and swaps what the server pushes; this adds the chip, polling
// while the socket is down, and calm: a late row is ignored, and nothing moves under a hand.
import { htmx, on } from "./lib/htmx.js";
import { forget, merge, rowsShown } from "./list.js";

const body = document.body;
const query = body.getAttribute("ws-connect").split("?")[1];
const POLL_MS = 3000;
const CHECK_MS = 30000;
const HOLD_MS = 10000;
const SLOW_MS = 1500; // a page that is live sooner says nothing before
const chip = document.getElementById("live");
const list = () => ["jobs", "grid", "stats", "operators"].map((id) => document.getElementById(id)).find(Boolean);
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
  const { path } = detail.requestConfig;
  if (target.closest("article.job, #act, #ask") || /^\/(trash|queue)\//.test(path)) poll();
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
    document.querySelector("#jobs-rows article.job:hover")) ||
  document.querySelector("#jobs-rows :focus-visible");

on("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  const incoming = fragment.firstElementChild;
  if (target.id === "jobs" && incoming?.id === "jobs") {
    event.detail.shouldSwap = false;
    const late = merge(target, incoming, held);
    if (late !== undefined) owed = late;
  }
  if (target.id === "queue-count") queueMicrotask(counted);
});

// Tell the rest of the page when a job turned into another state, by whichever way its row came.
const states = new Map();
function notice() {
  for (const row of rowsShown()) {
    const before = states.get(row.id);
    states.set(row.id, row.dataset.status);
    if (before && before !== row.dataset.status) htmx.trigger(body, "job:turned");
  }
}

// The count ------------------------------------------------------------------------------------------

function counted() {
  const { percent } = document.getElementById("queue-count").dataset;
  document.title = percent === undefined ? title : `${percent} % · ${title}`;
  htmx.trigger(body, "queue:changed");
}

setTimeout(() => chip.hidden && say("Connecting", "waiting"), SLOW_MS);
counted();
notice();
later(POLL_MS); // in case the socket never opens
