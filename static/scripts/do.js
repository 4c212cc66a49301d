// "Do something": shows the form of what is chosen in the list without leaving the page, keeps what was typed in the others,
// finds work by its words, and asks what it would take after each change.
import { allOf, byId, targetOf, textFields } from "./lib/elements.js";
import { htmx, on } from "./lib/htmx.js";
import { isAborted } from "./lib/requests.js";

const REST_MS = 300;
/** @type {Map<string, HTMLElement>} forms that are out of sight, with what was typed in them */
const kept = new Map();
const form = () => byId("do-form", HTMLElement);
const keyOf = (place) => `${place.dataset.operation} ${place.querySelector("[name=step]")?.value ?? ""}`;

// Choosing ----------------------------------------------------------------------------------------------------------

addEventListener("click", (event) => {
  const link = targetOf(event).closest?.("#do a[data-do], #do a[data-preset], #chain a[data-do]");
  if (!(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(link, event);
});

/**
 * @param {HTMLAnchorElement} link
 * @param {Event} event
 */
async function choose(link, event) {
  const query = new URL(link.href).searchParams;
  const slug = query.get("do");
  const key = `${slug} ${query.get("step") ?? ""}`;
  const there = link.dataset.preset ? null : kept.get(key);
  if (there) swap(there);
  else await fetchForm(slug, query, event, !link.dataset.preset);
  const shown = form().dataset.operation;
  mark(shown);
  history.replaceState(null, "", `${new URL(link.href).pathname}?do=${shown}`); // so that the page comes back with it
  if (link.closest("#chain") || matchMedia("(max-width: 1020px)").matches)
    byId("do-what", HTMLElement).focus({ preventScroll: true });
  if (link.closest("#chain") || matchMedia("(max-width: 1020px)").matches) form().scrollIntoView({ block: "start" });
}

/** @param {HTMLElement} there */
function swap(there) {
  keep();
  form().replaceWith(there);
  htmx.process(there); // it has forgotten the form when it took it out
}

function keep() {
  if (form().dataset.operation) kept.set(keyOf(form()), form());
}

/**
 * @param {string} slug
 * @param {URLSearchParams} query
 * @param {Event} event
 * @param {boolean} aside whether the form that is there comes back as it is
 */
async function fetchForm(slug, query, event, aside) {
  const asked = new URLSearchParams([...query].filter(([name]) => name !== "do"));
  const before = form();
  if (aside) keep();
  // Not of this page's address: after work that could not start it is another one.
  await htmx.ajax("get", `${before.dataset.form.replace(/[^/]*$/, slug)}?${asked}`, {
    source: document.body,
    event,
    target: "#do-form",
    swap: "outerHTML",
  });
  if (form() === before) kept.delete(keyOf(before));
  else if (aside) refill(form(), left.get(keyOf(form())));
}

/** @param {string} slug */
function mark(slug) {
  for (const link of allOf(document, "#do-list a", HTMLElement)) {
    if (link.dataset.do === slug) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

// Another version: its form may be another one, what was typed stays.
addEventListener("change", async (event) => {
  const list = targetOf(event);
  if (!(list instanceof HTMLSelectElement) || list.id !== "do-on") return;
  const before = /** @type {HTMLFormElement} */ (form());
  const typed = textFields(before);
  await fetchForm(before.dataset.operation, new URLSearchParams({ on: list.value }), event, false);
  if (form() === before) return;
  refill(form(), typed);
  document.getElementById("do-on")?.focus();
});

/**
 * @param {HTMLElement} now
 * @param {[string, string][] | undefined} typed
 */
function refill(now, typed) {
  if (!typed || !(now instanceof HTMLFormElement)) return;
  for (const one of allOf(now, "input[type=checkbox]", HTMLInputElement)) one.checked = false;
  for (const [name, value] of typed) fill(now, name, value);
  now.dispatchEvent(new Event("input", { bubbles: true }));
}

// Work that cannot start brings the page anew with its form; what was typed in the others waits until they are asked for.
const LEFT = "do-left";
/** @type {Map<string, [string, string][]>} */
const left = new Map(
  form().querySelector("[aria-invalid=true], [role=alert], .errorlist") &&
    JSON.parse(sessionStorage.getItem(LEFT) ?? "[]"),
);
sessionStorage.removeItem(LEFT);
addEventListener("submit", ({ target }) => {
  if (target !== form()) return;
  const typed = [...kept].map(([key, place]) => [key, textFields(/** @type {HTMLFormElement} */ (place))]);
  sessionStorage.setItem(LEFT, JSON.stringify(typed));
});

/**
 * @param {HTMLFormElement} now
 * @param {string} name
 * @param {string} value
 */
function fill(now, name, value) {
  const field = /** @type {any} */ (now.elements.namedItem(name));
  if (!field || field.type === "file") return;
  if (field.type === "checkbox") field.checked = true;
  else field.value = value;
}

// Something wrong with a form comes as the form, in its place.
on("htmx:beforeSwap", ({ detail }) => {
  if (detail.xhr.status !== 422 || !detail.requestConfig.elt.closest("#do, #chain")) return;
  detail.shouldSwap = true;
  detail.isError = false;
});

// Enter in the name of a preset saves that; elsewhere in the form it starts the work.
addEventListener("keydown", (event) => {
  const field = targetOf(event);
  if (event.key !== "Enter" || event.isComposing || !field.matches?.("#do-form [name=preset-name]")) return;
  event.preventDefault();
  field.parentElement.querySelector("button").click();
});

// A chain that was started is seen where it moves.
addEventListener("started", () => byId("jobs", HTMLElement).scrollIntoView({ block: "nearest" }));

// Finding -----------------------------------------------------------------------------------------------------------

const find = document.getElementById("do-find");

function sift() {
  const words = /** @type {HTMLInputElement} */ (find).value.toLowerCase().split(/\s+/);
  let some = false;
  let head = null;
  for (const one of allOf(document, "#do-list > li:not(.none)", HTMLLIElement)) {
    if (one.classList.contains("lh")) {
      head = one;
      head.hidden = true;
      continue;
    }
    one.hidden = !words.every((word) => one.dataset.words.toLowerCase().includes(word));
    if (one.hidden) continue;
    some = true;
    head.hidden = false;
  }
  byId("do-none", HTMLElement).hidden = some;
}

find?.addEventListener("input", sift);
find?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" && event.key !== "ArrowDown") return;
  const first = allOf(document, "#do-list li:not([hidden]) a", HTMLAnchorElement)[0];
  event.preventDefault();
  if (event.key === "Enter") first?.click();
  else first?.focus();
});

// What it would take ------------------------------------------------------------------------------------------------

let timer;
/** @type {AbortController | undefined} */
let asked;

async function quote() {
  asked?.abort();
  asked = new AbortController();
  const place = form();
  const told = document.getElementById("do-quote");
  if (!(place instanceof HTMLFormElement) || !told) return;
  const query = new URLSearchParams(textFields(place));
  try {
    const answer = await fetch(`${place.dataset.quote}?${query}`, { signal: asked.signal });
    told.textContent = answer.ok ? await answer.text() : "";
  } catch (error) {
    if (!isAborted(error)) told.textContent = "";
  }
}

function soon({ target }) {
  if (!(target instanceof Element) || !target.closest("#do-form") || target.closest(".presets")) return;
  clearTimeout(timer);
  timer = setTimeout(quote, REST_MS);
}
addEventListener("input", soon);
addEventListener("change", soon);
