// htmx comes as a script of its own, before all modules. Here it has a type.

/** @typedef {CustomEvent & { target: HTMLElement }} HtmxEvent */
/** @type {typeof import("htmx.org").default & { createWebSocket?: (url: string) => WebSocket }} */
export const htmx = /** @type {any} */ (globalThis).htmx;

/** @type {(name: string, listener: (event: HtmxEvent) => void) => void} */
export const on = /** @type {any} */ (htmx.on);
