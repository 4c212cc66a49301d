// Asks before something is destroyed. A form with `hx-target="#ask-body"` fetches its question from the server; a button with
// `data-ask` carries its own; scripts await `ask(...)`. The focus goes back to where it was, or to what took that place.
import { byId, element, targetOf } from "./lib/elements.js";
import { on } from "./lib/htmx.js";

const dialog = byId("ask", HTMLDialogElement);
const body = byId("ask-body", HTMLElement);
let opener = null;
let answered = null;

function open(from) {
  opener = from;
  dialog.showModal();
}

function close() {
  if (dialog.open) dialog.close();
}

// A live page may have drawn the button anew meanwhile, or taken it away.
function giveBack() {
  const there = opener?.isConnected ? opener : opener?.id && document.getElementById(opener.id);
  const seen = there && !there.checkVisibility() ? there.closest("details")?.querySelector("summary") : there; // in a menu
  (seen || Object.assign(document.querySelector("#main h1, #main .title"), { tabIndex: -1 }))?.focus();
}

// A browser tells of a close a moment later: by then the next question may be open, which is not to be answered by it.
dialog.addEventListener("close", () => {
  if (dialog.open) return;
  settle(dialog.returnValue);
  body.replaceChildren();
  giveBack();
});

function settle(answer) {
  answered?.(answer);
  answered = null;
  dialog.returnValue = "";
}

dialog.addEventListener("click", (event) => {
  if (event.target !== dialog && !targetOf(event).closest("[data-keep]")) return;
  event.preventDefault();
  close();
});

document.getElementById("undo")?.focus({ preventScroll: true }); // the page before asked
// What was removed took its button along, so the one that brings it back has the focus.
on("htmx:oobAfterSwap", ({ detail }) => {
  if (detail.target.id === "messages") document.getElementById("undo")?.focus({ preventScroll: true });
});

// Links that look and sound like buttons are pressed like them.
addEventListener("keydown", (event) => {
  const link = event.key === " " && targetOf(event).closest("a[role=button]");
  if (!(link instanceof HTMLElement)) return;
  event.preventDefault();
  link.click();
});

// Questions of the server.
on("htmx:afterSwap", ({ detail }) => {
  if (detail.target === body && !dialog.open) {
    const { elt, triggeringEvent } = detail.requestConfig;
    open(triggeringEvent?.submitter ?? (elt.matches("a, button") ? elt : elt.querySelector("button")));
  }
});
on("htmx:afterRequest", ({ target, detail }) => {
  if (!dialog.contains(target)) return;
  if (detail.successful && !("stays" in target.dataset)) opener = null; // what asked is gone now
  close();
});

// Resolves to "yes" for `verb`, "no" for `keep`, and "" for no answer at all.
export function ask(question, words, verb, keep = "Keep it", look = "danger") {
  const form = element(
    "form",
    { className: "row wrap", method: "dialog" },
    element("button", { className: "button", value: "no", autofocus: true }, keep),
    element("button", { className: `button ${look}`, value: "yes" }, verb),
  );
  const from = document.activeElement;
  settle(dialog.returnValue);
  body.replaceChildren(element("h2", { id: "ask-title" }, question), element("p", { id: "ask-words" }, words), form);
  open(from);
  return new Promise((resolve) => {
    answered = resolve;
  });
}

addEventListener(
  "submit",
  async (event) => {
    const { submitter } = event;
    const form = /** @type {HTMLFormElement} */ (event.target);
    const { ask: question, askWords: words, askVerb: verb } = submitter?.dataset ?? {};
    if (!question || form.dataset.sure || form.dataset.reached) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if ((await ask(question, words, verb)) !== "yes") return;
    form.dataset.sure = "yes";
    form.requestSubmit(submitter);
    delete form.dataset.sure; // the next time it is asked again
  },
  true,
);
