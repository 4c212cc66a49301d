// Hands on what can be moved: a pointer that holds it, and arrow keys.

/**
 * @template Held
 * @param {HTMLElement} element
 * @param {object} does
 * @param {(event: PointerEvent) => Held | null} does.grab what is held from here on, null for nothing
 * @param {(held: Held, x: number, y: number, event: PointerEvent) => void} does.drag how far from there, in CSS pixels
 * @param {(held: Held) => void} [does.drop]
 */
export function held(element, { grab, drag, drop = () => {} }) {
  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const thing = grab(event);
    if (thing === null) return;
    event.stopPropagation();
    element.setPointerCapture(event.pointerId);
    const ends = new AbortController();
    const listen = (name, does) => element.addEventListener(name, does, { signal: ends.signal });
    listen("pointermove", (moved) => {
      if (moved.pointerId === event.pointerId)
        drag(thing, moved.clientX - event.clientX, moved.clientY - event.clientY, moved);
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
      listen(name, (ended) => {
        if (ended.pointerId !== event.pointerId) return;
        ends.abort();
        drop(thing);
      });
  });
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Arrow keys as steps to the right and down, five times as far with Shift; other keys by their names.
 * @param {HTMLElement} element
 * @param {(right: number, down: number) => void} step
 * @param {Record<string, () => void>} [others]
 */
export function keyed(element, step, others = {}) {
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (!arrow && !others[event.key]) return;
    event.preventDefault();
    event.stopPropagation(); // the page's own keys would move the player
    const far = event.shiftKey ? 5 : 1;
    if (arrow) step(arrow[0] * far, arrow[1] * far);
    else others[event.key]();
  });
}
