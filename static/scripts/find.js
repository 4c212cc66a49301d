// The form that finds recordings: what says nothing stays out of the address. htmx puts what is found in the place of the list,
// so that the page and what is typed stay; the address says what is shown, and the way back leads through it.
import { byId, targetOf } from "./lib/elements.js";
import { htmx, on } from "./lib/htmx.js";
import { rejoin } from "./live.js";

const REST_MS = 300;
const form = byId("find", HTMLFormElement);
const words = /** @type {HTMLInputElement} */ (form.elements.namedItem("q"));
let typing = 0;

addEventListener("formdata", (event) => {
  if (!targetOf(event).matches("[data-lean]")) return;
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
});
addEventListener("change", (event) => {
  const target = targetOf(event);
  if (target instanceof HTMLSelectElement && target.dataset.submits !== undefined) target.form.requestSubmit();
});
words.addEventListener("input", (event) => {
  clearTimeout(typing);
  if (!(/** @type {InputEvent} */ (event).isComposing)) typing = setTimeout(() => form.requestSubmit(), REST_MS);
});
words.addEventListener("compositionend", () => form.requestSubmit());
form.addEventListener("submit", () => clearTimeout(typing));

let isInMenu = false;
on("htmx:beforeSwap", () => {
  isInMenu = Boolean(document.activeElement?.closest(".more-filters"));
});
on("htmx:afterSwap", ({ detail: { elt, pathInfo, requestConfig } }) => {
  if (elt.id !== "grid" || !pathInfo) return;
  const path = new URL(pathInfo.finalRequestPath, location.href);
  path.search = String(path.searchParams); // written as the browser writes forms
  keep(path);
  if (requestConfig.elt !== form) words.value = wordsIn(path);
  byId("find-say", HTMLElement).textContent = byId("shelf-total", HTMLElement).textContent;
  if (isInMenu) byId("more-filters", HTMLElement).focus(); // it is folded, and with it what had the focus
  rejoin(elt.dataset.view);
});

const wordsIn = (address) => address.searchParams.get("q") ?? "";

// Words are one step of the way back, however many rests their letters came with.
function keep(path) {
  if (path.href === location.href) return;
  const typed = wordsIn(path) !== wordsIn(new URL(location.href));
  history[typed && history.state?.typed ? "replaceState" : "pushState"]({ typed }, "", path);
}

// What was asked for before is let go: it would come into a list that is no longer there.
addEventListener("popstate", () => {
  for (const asking of [form, document.body]) htmx.trigger(asking, "htmx:abort");
  const headers = { "HX-Boosted": "true" };
  htmx
    .ajax("get", location.href, { source: document.body, target: "#grid", swap: "outerHTML", headers })
    .catch(() => {}); // let go, or told by trouble.js
});
