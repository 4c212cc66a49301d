// The drop bar: it opens when files are dragged over the page, and names what will be done with them.
import { allOf, byId, targetOf } from "../lib/elements.js";
import { on } from "../lib/htmx.js";

const form = byId("upload", HTMLFormElement);
const more = byId("drop-more", HTMLDetailsElement);

export const open = () => {
  more.open = true;
};

// What is chosen, by the words beside it.
function name() {
  const chosen = allOf(form, "[name=pipeline]:checked", HTMLInputElement)[0];
  byId("then", HTMLElement).textContent = chosen.closest("label").querySelector("b").textContent;
}
form.addEventListener("change", (event) => targetOf(event).matches("[name=pipeline]") && name());
on("htmx:oobAfterSwap", ({ detail }) => detail.target.id === "ticked" && name());
addEventListener("pageshow", name);

// Who was quick has unfolded settings before their fields came.
let unfolded = [];
on("htmx:beforeSwap", ({ detail: { target } }) => {
  if (target.id === "settings") unfolded = allOf(target, "details[open]", HTMLDetailsElement).map((fold) => fold.id);
});
on("htmx:afterSwap", ({ detail: { elt } }) => {
  if (elt.id === "settings") for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
});

// Dropping works on the whole page, so that a near miss does not open the file instead.
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
let opened = false;

function over(is) {
  if (is && !form.classList.contains("over")) {
    opened = !more.open;
    more.open = true;
  } else if (!is && opened) more.open = opened = false;
  form.classList.toggle("over", is);
}

/** @param {(files: FileList) => void} take */
export function takeDropped(take) {
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    over(true);
  });
  addEventListener("dragleave", (event) => event.relatedTarget || over(false));
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    opened = false;
    over(false);
    take(event.dataTransfer.files);
  });
}
