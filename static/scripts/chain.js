// The editor of a chain. Every change of its shape is a button of the form, which the server answers with the form anew; here
// are other ways to press these: dragging steps, and keys. What happened is said, and the hand stays with what it moves.
import { allOf, byId, targetOf } from "./lib/elements.js";
import { htmx, on } from "./lib/htmx.js";

const FAR = 6; // pixels that tell a drag from a press
const say = byId("chain-say", HTMLElement);
const form = () => byId("chain", HTMLFormElement);

/** @param {string} what a value of the form's buttons `do` */
function press(what) {
  const button = byId("chain-drop", HTMLButtonElement);
  button.value = what;
  htmx.trigger(button, "click");
}

/** @param {string} key */
function open(key) {
  const step = document.getElementById(`step-${key}`);
  if (!(step instanceof HTMLDetailsElement)) return;
  step.open = true;
  step.scrollIntoView({ block: "nearest" });
  step.querySelector("summary").focus({ preventScroll: true });
}

/** @param {Element | null} place */
const nodeOf = (place) => /** @type {HTMLElement | null} */ (place?.closest(".flow.edited .node") ?? null);

// Keys --------------------------------------------------------------------------------------------------------------

const KEYS = { ArrowLeft: "earlier", ArrowUp: "earlier", ArrowRight: "later", ArrowDown: "later" };

addEventListener("keydown", (event) => {
  const node = nodeOf(targetOf(event));
  if (!node?.dataset.key) return;
  if (event.altKey && KEYS[event.key]) press(`${KEYS[event.key]}:${node.dataset.key}`);
  else if (event.key === "Delete" || event.key === "Backspace") press(`remove:${node.dataset.key}`);
  else if (KEYS[event.key] && !event.ctrlKey && !event.metaKey) walk(node, KEYS[event.key] === "later" ? 1 : -1);
  else return;
  event.preventDefault();
});

/**
 * @param {HTMLElement} node
 * @param {number} by
 */
function walk(node, by) {
  const all = allOf(document, ".flow.edited a.node", HTMLElement);
  all[all.indexOf(node) + by]?.focus();
}

// The form drawn anew -----------------------------------------------------------------------------------------------

on("htmx:beforeRequest", ({ target }) => {
  if (!target.closest("#chain")) return;
  for (const step of allOf(form(), "details[open]", HTMLDetailsElement)) kept.add(step.id);
});

const kept = new Set();

on("htmx:afterSwap", ({ detail }) => {
  if (!(detail.elt instanceof HTMLElement) || !document.getElementById("chain")) return;
  const { said, focus } = form().dataset;
  for (const id of kept) {
    const there = document.getElementById(id);
    if (there instanceof HTMLDetailsElement && !there.classList.contains("add")) there.open = true;
  }
  kept.clear();
  say.textContent = said ?? "";
  const wanted = document.getElementById(focus ?? "");
  const hand = wanted?.tagName === "DETAILS" ? wanted.querySelector("summary") : wanted;
  if (hand && !hand.hasAttribute("disabled")) hand.focus({ preventScroll: !hand.classList.contains("node") });
});

// Choosing another input draws the flow anew, as dragging does.
addEventListener("change", (event) => {
  const list = targetOf(event);
  if (list instanceof HTMLSelectElement && list.dataset.attach) press("show");
});

// A step is called everywhere as it is in its field.
addEventListener("input", (event) => {
  const field = targetOf(event);
  if (!(field instanceof HTMLInputElement) || !field.dataset.calls) return;
  const key = field.dataset.calls;
  const name = field.value.trim() || field.placeholder;
  const shown = [`#node-${key} b`, `#step-${key} > summary b`, `[data-attach] option[value="${key}"]`];
  for (const place of document.querySelectorAll(shown.join())) place.textContent = name;
});

// Dragging ----------------------------------------------------------------------------------------------------------

/** @type {{ node: HTMLElement, x: number, y: number, ghost: HTMLElement | null, aim: HTMLElement | null } | null} */
let drag = null;
let dragged = false;

addEventListener("pointerdown", (event) => {
  const node = nodeOf(targetOf(event));
  dragged = false;
  if (!node?.dataset.key || event.button !== 0 || !event.isPrimary) return;
  drag = { node, x: event.clientX, y: event.clientY, ghost: null, aim: null };
});

addEventListener("pointermove", (event) => {
  if (!drag) return;
  if (!drag.ghost) {
    if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < FAR) return;
    lift();
  }
  drag.ghost.style.translate = `${event.clientX - drag.x}px ${event.clientY - drag.y}px`;
  aimAt(document.elementFromPoint(event.clientX, event.clientY));
});

function lift() {
  const { node } = drag;
  const box = node.getBoundingClientRect();
  const ghost = /** @type {HTMLElement} */ (node.cloneNode(true));
  ghost.removeAttribute("id");
  ghost.classList.add("ghost");
  Object.assign(ghost.style, { left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px` });
  document.body.append(ghost);
  node.classList.add("held");
  node.closest(".flow").classList.add("dragging");
  drag.ghost = ghost;
  dragged = true;
}

/** @param {Element | null} place */
function aimAt(place) {
  const arrow = /** @type {HTMLElement | null} */ (place?.closest(".flow.edited [data-before]") ?? null);
  const aim = arrow ?? nodeOf(place);
  const fits = aim && aim !== drag.node && aim.dataset.before !== drag.node.dataset.key;
  drag.aim?.classList.remove("aim");
  drag.aim = fits ? aim : null;
  drag.aim?.classList.add("aim");
}

function putDown() {
  const { node, ghost, aim } = drag;
  ghost?.remove();
  node.classList.remove("held");
  node.closest(".flow")?.classList.remove("dragging");
  aim?.classList.remove("aim");
  drag = null;
}

addEventListener("pointerup", () => {
  if (!drag) return;
  const { node, aim } = drag;
  putDown();
  if (!aim) return;
  const { before } = aim.dataset;
  press(before ? `insert:${node.dataset.key}:${before}` : `attach:${node.dataset.key}:${aim.dataset.key}`);
});
addEventListener("pointercancel", () => drag && putDown());
addEventListener("keydown", (event) => event.key === "Escape" && drag && putDown());
addEventListener("dragstart", (event) => nodeOf(targetOf(event)) && event.preventDefault());

// A press opens the step; what ends a drag is none.
addEventListener("click", (event) => {
  const node = nodeOf(targetOf(event));
  if (!node?.dataset.key) return;
  event.preventDefault();
  if (!dragged) open(node.dataset.key);
});

document.getElementById("chain-errors")?.focus();
