// The queue: how its rows and groups were left is remembered, and fields take effect at once.
import "../calm.js";
import "../folds.js";
import { allOf, targetOf } from "../lib/elements.js";
import { on } from "../lib/htmx.js";

const YEAR = 365 * 24 * 3600;
const remember = (name, value) => {
  // biome-ignore lint/suspicious/noDocumentCookie: the server draws the page by it, and Firefox has no cookieStore
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/queue/; max-age=${YEAR}; samesite=lax`;
};

addEventListener("change", (event) => {
  const field = /** @type {HTMLInputElement} */ (event.target);
  if (field.name === "rows") remember("queue-rows", field.value);
  if (field.dataset.submits !== undefined) field.form.requestSubmit();
});

addEventListener(
  "toggle",
  (event) => {
    if (!targetOf(event).matches?.(".group")) return;
    const folded = allOf(document, ".group:not([open])", HTMLElement).map(({ id }) => id.replace("group-", ""));
    remember("queue-folded", folded.join(" "));
  },
  true,
);

// What was done with the chosen is done: they are let go.
on("htmx:afterRequest", ({ detail }) => {
  const button = document.querySelector("#chosen [data-choose-none]");
  if (detail.successful && detail.elt.form?.id === "chosen" && button instanceof HTMLElement) button.click();
});

// The way into a pause, and out of it, stays as it is where it says the same: it may have the focus.
on("htmx:oobBeforeSwap", ({ detail }) => {
  const { target, fragment } = detail;
  const isSame = fragment.firstElementChild?.innerHTML === target.innerHTML;
  if (/^queue-paused?$/.test(target.id) && isSame) detail.shouldSwap = false;
});
