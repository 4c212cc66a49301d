// Keys of every page: `/` finds, `?` lists all keys, `j` and `k` walk over rows and cards, `x` chooses the one that is walked
// on. Enter opens it, as its link has the focus.
import { allOf, byId, targetOf } from "./lib/elements.js";

const WRITES = "input:not([type=checkbox], [type=radio], [type=range]), select, textarea, [contenteditable]";
const list = byId("keys", HTMLDialogElement);

const walked = () => allOf(document, "[data-walk]", HTMLElement).filter((one) => one.checkVisibility());
const here = () => /** @type {HTMLElement | null} */ (document.activeElement?.closest("[data-walk]") ?? null);

function walk(by) {
  const all = walked();
  const at = all.indexOf(here());
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
  if (!next) return false;
  /** @type {HTMLElement} */ (next.querySelector("[data-open]")).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function find() {
  const field = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-find]"));
  field?.focus();
  field?.select();
  return Boolean(field);
}

function choose() {
  const box = /** @type {HTMLInputElement | null} */ (here()?.querySelector("input.check"));
  box?.click();
  return Boolean(box);
}

const does = {
  "/": find,
  "?": () => {
    list.showModal();
    return true;
  },
  j: () => walk(1),
  k: () => walk(-1),
  x: choose,
};

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!does[event.key] || targetOf(event).closest(`${WRITES}, dialog`) || document.querySelector("dialog[open]"))
    return;
  if (does[event.key]()) event.preventDefault();
});
