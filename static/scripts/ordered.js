// Lists to choose from, one below the other, whose order counts: one more is there as soon as the last has been used, and
// what was chosen changes places with its neighbour.
import { allOf, targetOf } from "./lib/elements.js";

/** @param {Element} place */
const lists = (place) => allOf(place, "select", HTMLSelectElement);

/**
 * The number stands behind the last underscore of each list's name.
 * @param {HTMLSelectElement} one
 * @param {number} number
 */
function numbered(one, number) {
  one.name = one.name.replace(/_\d+$/, `_${number}`);
  one.id = one.id.replace(/_\d+$/, `_${number}`);
  one.ariaLabel = `Recording ${number + 2}`;
}

/** @param {HTMLElement} place */
function grow(place) {
  const there = lists(place);
  const last = there[there.length - 1];
  if (!last?.value || there.length >= Number(place.dataset.ordered)) return;
  const item = /** @type {HTMLElement} */ (last.closest("li").cloneNode(true));
  const [added] = lists(item);
  numbered(added, there.length);
  added.value = "";
  place.append(item);
}

/**
 * @param {HTMLElement} place
 * @param {HTMLElement} button
 */
function move(place, button) {
  const there = lists(place);
  const from = there.indexOf(lists(button.closest("li"))[0]);
  const to = from + Number(button.dataset.move);
  if (!there[to]) return;
  [there[from].value, there[to].value] = [there[to].value, there[from].value];
  // The hand stays with what it moves.
  allOf(there[to].closest("li"), `[data-move="${button.dataset.move}"]`, HTMLButtonElement)[0].focus();
  there[to].dispatchEvent(new Event("input", { bubbles: true }));
}

/** @param {HTMLElement} place */
export function prepareOrdered(place) {
  place.addEventListener("input", () => grow(place));
  place.addEventListener("click", (event) => {
    const button = targetOf(event).closest("[data-move]");
    if (button instanceof HTMLElement) move(place, button);
  });
  grow(place);
}
