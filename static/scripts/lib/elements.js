// Elements of a page.

/**
 * A new element: its properties, then what is in it.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} fields
 * @param {...(Node | string)} inside
 */
export function element(tag, fields = {}, ...inside) {
  const made = Object.assign(document.createElement(tag), fields);
  made.append(...inside);
  return made;
}

/**
 * An icon of the sprite that the page draws its own from.
 * @param {string} name
 */
export function iconOf(name) {
  const icon = /** @type {SVGElement} */ (document.querySelector("svg.i").cloneNode(true));
  const use = icon.querySelector("use");
  icon.setAttribute("class", "i");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
  return icon;
}

/**
 * The element of an id that the page is known to have, of the kind that it is known to be.
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new TypeError(`#${id} is no ${kind.name}`);
  return found;
}

/**
 * Where an event happened: what the page listens to happens on elements.
 * @param {Event} event
 */
export function targetOf(event) {
  return /** @type {HTMLElement} */ (event.target);
}

/**
 * All elements of a kind, for a selector that finds no other.
 * @template {HTMLElement} Kind
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} kind
 * @returns {Kind[]}
 */
export function allOf(root, selector, kind) {
  return /** @type {Kind[]} */ ([...root.querySelectorAll(selector)].filter((one) => one instanceof kind));
}

/**
 * What in a part of the page can have the focus, in its order.
 * @param {ParentNode} root
 */
export function handles(root) {
  return allOf(root, "a, button, input, select, summary", HTMLElement);
}

/**
 * The fields of a form that are text, but not its token: files go another way, and the token goes with each request.
 * @param {HTMLFormElement} form
 */
export function textFields(form) {
  const fields = /** @type {[string, string][]} */ (
    [...new FormData(form)].filter(([, value]) => typeof value === "string")
  );
  return fields.filter(([name]) => name !== "csrfmiddlewaretoken");
}
