// htmx comes as a script of its own, before all modules. Here it has a type, and those who use it say so.

/** @typedef {CustomEvent & { target: HTMLElement }} HtmxEvent what its `detail` holds depends on the event */

/** @type {typeof import("htmx.org").default & { createWebSocket?: (url: string) => WebSocket }} */
export const htmx = /** @type {any} */ (globalThis).htmx;

/**
 * Listens to an event of htmx anywhere on the page.
 * @param {string} name
 * @param {(event: HtmxEvent) => void} listener
 */
export function on(name, listener) {
  htmx.on(name, /** @type {(event: any) => void} */ (listener));
}
