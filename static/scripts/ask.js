// Asks before something is destroyed. A form with `hx-target="#ask-body"` fetches its question from the server; a button with
// `data-ask` carries its own; scripts await `ask(...)`. The focus goes back to where it was, or to what took that place.
const ask = (() => {
  "use strict";
  const dialog = document.getElementById("ask"), body = document.getElementById("ask-body");
  let opener = null, answered = null;

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
    (there || Object.assign(document.querySelector("#main h1, #main .title"), { tabIndex: -1 }))?.focus();
  }

  dialog.addEventListener("close", () => {
    answered?.(dialog.returnValue);
    answered = null;
    dialog.returnValue = "";
    body.replaceChildren();
    giveBack();
  });

  dialog.addEventListener("click", (event) => {
    if (event.target !== dialog && !event.target.closest("[data-keep]")) return;
    event.preventDefault();
    close();
  });

  // Questions of the server.
  htmx.on("htmx:afterSwap", ({ detail }) => {
    if (detail.target === body && !dialog.open) open(detail.requestConfig.elt.querySelector("button"));
  });
  htmx.on("htmx:afterRequest", ({ target, detail }) => {
    if (!dialog.contains(target)) return;
    if (detail.successful) opener = null; // what asked is gone now
    close();
  });

  function element(tag, fields, ...inside) {
    const made = Object.assign(document.createElement(tag), fields);
    made.append(...inside);
    return made;
  }

  // Resolves to "yes" for `verb`, "no" for `keep`, and "" for no answer at all.
  function ask(question, words, verb, keep = "Keep it", look = "danger") {
    const form = element("form", { className: "row wrap", method: "dialog" },
      element("button", { className: "button", value: "no", autofocus: true }, keep),
      element("button", { className: `button ${look}`, value: "yes" }, verb));
    const from = document.activeElement;
    body.replaceChildren(element("h2", { id: "ask-title" }, question), element("p", { id: "ask-words" }, words), form);
    open(from);
    return new Promise((resolve) => { answered = resolve; });
  }

  addEventListener("submit", async (event) => {
    const { submitter, target } = event, { ask: question, askWords: words, askVerb: verb } = submitter?.dataset ?? {};
    if (!question || target.dataset.sure) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if ((await ask(question, words, verb)) !== "yes") return;
    target.dataset.sure = "yes";
    target.requestSubmit(submitter);
  }, true);

  return ask;
})();
