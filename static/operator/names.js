// Select2 names its box after what is chosen in it, which is nothing at first: name it after the field's label too.
const { jQuery } = /** @type {any} */ (globalThis).django;

function nameBoxes() {
  for (const box of document.querySelectorAll(".select2-selection")) {
    const chosen = box.querySelector(".select2-selection__rendered");
    const id = chosen.id.replace(/^select2-|-container$/g, "");
    const label = /** @type {HTMLLabelElement} */ (document.querySelector(`label[for="${id}"]`));
    label.id ||= `${label.htmlFor}-label`;
    for (const named of [box, chosen]) named.setAttribute("aria-labelledby", `${label.id} ${chosen.id}`);
  }
}

addEventListener("load", () => jQuery(nameBoxes)); // jQuery keeps the order: the boxes are made first
