// Keeps the page true. htmx's ws extension holds the socket and swaps what the server pushes; this adds the chip, polling
// while the socket is down, and says `live:heard` after each word and `live:lost` when the socket closes.
import { htmx, on } from "./lib/htmx.js";
import { view } from "./lib/requests.js";

const body = document.body;
const POLL_MS = 3000;
const CHECK_MS = 30000;
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
htmx.createWebSocket = (url) =>
  (wire = new WebSocket(`${url.split("?")[0]}?${view()}&state=${list()?.dataset.state ?? ""}`));
on("htmx:wsOpen", ({ detail }) => {
  socket = detail.socketWrapper;
  if (detail.event.target !== wire) detail.event.target.close(); // another one has taken its place
});

/**
 * The page shows something else now, of which it is to be told.
 * @param {string} shown
 */
export function rejoin(shown) {
  if (shown === view()) return;
  body.setAttribute("ws-connect", `${body.getAttribute("ws-connect").split("?")[0]}?${shown}`);
  socket?.reconnect();
}

on("htmx:wsBeforeMessage", () => {
  heard += 1;
});
on("htmx:wsAfterMessage", () => {
  htmx.trigger(body, "live:heard");
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
  htmx.trigger(body, "live:lost");
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
export async function poll() {
  clearTimeout(timer);
  const mine = ++asked;
  const known = heard;
  try {
    const response = await fetch(`${body.dataset.rows}?${view()}&state=${list()?.dataset.state ?? ""}`, {
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
    htmx.trigger(body, "live:heard");
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

// The count ------------------------------------------------------------------------------------------

on("htmx:oobBeforeSwap", ({ detail }) => {
  if (detail.target.id === "queue-count") queueMicrotask(counted);
});

function counted() {
  const { percent } = document.getElementById("queue-count").dataset;
  document.title = percent === undefined ? title : `${percent} % · ${title}`;
  htmx.trigger(body, "queue:changed");
}

setTimeout(() => chip.hidden && say("Connecting", "waiting"), SLOW_MS);
counted();
later(POLL_MS); // in case the socket never opens
