// Requests to the site: with its token for what changes something, and with its own words when it refuses.

// As htmx has it.
export const csrfToken = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

// What this page shows, as it tells the server that is to speak of changes.
export const view = () => document.body.getAttribute("ws-connect").split("?")[1];

/**
 * @param {string} address
 * @param {unknown} body sent as JSON, unless it is a form's fields
 * @param {AbortSignal} [signal]
 */
export function post(address, body, signal) {
  const isForm = body instanceof FormData || body instanceof URLSearchParams;
  const headers = { "X-CSRFToken": csrfToken(), ...(isForm ? {} : { "Content-Type": "application/json" }) };
  return fetch(address, { method: "POST", headers, body: isForm ? body : JSON.stringify(body), signal });
}

/**
 * null where there is no answer, or no JSON in it.
 * @param {Response | null} response
 */
export async function jsonOf(response) {
  return (await response?.json().catch(() => null)) ?? null;
}

/**
 * What the server says to people in the body of its answer, "" for nothing.
 * @param {string} text
 */
export function problemIn(text) {
  try {
    return JSON.parse(text).error.message ?? "";
  } catch {
    return "";
  }
}

/**
 * @param {Response} response
 * @param {string} otherwise said when the server says nothing
 */
export async function problemOf(response, otherwise) {
  return problemIn(await response.text().catch(() => "")) || otherwise;
}

/** @param {unknown} error whether it only says that nobody wants the answer any more */
export function isAborted(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/**
 * Asks again when the server, busy with others, says to.
 * @param {() => Promise<Response>} asking
 * @param {(response: Response) => Promise<void>} waiting called with each answer that puts off
 */
export async function patiently(asking, waiting) {
  for (;;) {
    const response = await asking();
    const seconds = Number(response.headers.get("Retry-After"));
    if (response.status !== 503 || !seconds) return response;
    await waiting(response);
    await new Promise((done) => setTimeout(done, seconds * 1000));
  }
}
