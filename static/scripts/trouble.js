// Says it when a button could not do its work: the server does not answer, refuses, or knows nobody any more.
import { element } from "./lib/elements.js";
import { on } from "./lib/htmx.js";
import { problemIn } from "./lib/requests.js";

const REACH_MS = 5000;
const AWAY = "The server does not answer, so nothing was done. What you see stays: wait a moment.";
const IN_HAND = "click, submit, input, change"; // what a person did, unlike what the page asks by itself

const place = () => document.getElementById("messages");

// `way` is what can be done about it.
function tell(words, way) {
  const note = element("div", { className: "note error" }, element("p", { className: "grow" }, words));
  if (way) note.append(way);
  place().className = "in-sight";
  place().replaceChildren(note);
}

function away(again) {
  const onclick = () => {
    place().replaceChildren();
    again();
  };
  tell(AWAY, element("button", { type: "button", className: "button small", onclick }, "Try again"));
}

// A live page may have drawn anew what was pressed.
const press =
  ({ elt, requestConfig }) =>
  () => {
    const pressed = requestConfig.triggeringEvent.submitter ?? elt;
    const there = pressed.isConnected ? pressed : document.getElementById(pressed.id);
    if (there instanceof HTMLFormElement) there.requestSubmit();
    else there?.click();
  };

const signIn = () =>
  tell(
    "You are signed out, so nothing was done.",
    element("a", {
      className: "button small",
      href: `/accounts/login/?next=${encodeURIComponent(location.pathname + location.search)}`,
      textContent: "Sign in again",
    }),
  );

// The server's own, where it has some.
const words = (request) => {
  const isPlain = request.getResponseHeader("Content-Type")?.startsWith("text/plain");
  return isPlain ? request.responseText : problemIn(request.responseText);
};

// Of what the page asks by itself the chip in the bar tells.
const byHand = ({ requestConfig }) =>
  requestConfig?.triggeringEvent && IN_HAND.includes(requestConfig.triggeringEvent.type);

for (const name of ["htmx:sendError", "htmx:timeout"])
  on(name, ({ detail }) => {
    if (byHand(detail)) away(press(detail));
  });
on("htmx:responseError", ({ detail }) => {
  const { status } = detail.xhr;
  if (!byHand(detail)) return;
  if (status === 401) signIn();
  else if (status === 404) tell(words(detail.xhr) || "This is not there any more. Load the page again.");
  else if (status === 403) tell("This page is out of date. Load it again, then try once more.");
  else
    tell(
      words(detail.xhr) ||
        "The server could not do that just now. Try again in a moment; if it happens again, tell the operator.",
    );
});

const asking = new WeakSet();

// A form that leads to another page would leave what was typed on this one behind if that page never came.
addEventListener("submit", async (event) => {
  const { submitter } = event;
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post") || form.dataset.reached) return;
  event.preventDefault();
  if (asking.has(form)) return; // pressed twice
  asking.add(form);
  submitter?.setAttribute("aria-busy", "true");
  const answers = await fetch("/healthz", { signal: AbortSignal.timeout(REACH_MS) }).then(
    ({ ok }) => ok,
    () => false,
  );
  submitter?.removeAttribute("aria-busy");
  asking.delete(form);
  if (!answers) return away(() => form.requestSubmit(submitter));
  form.dataset.reached = "yes";
  form.requestSubmit(submitter);
  delete form.dataset.reached;
});
