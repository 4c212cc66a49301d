// Requests to the site: with the token that it wants for what changes something, and with its own words when it refuses.

/** The token against forged requests, as htmx has it. */
export function csrfToken() {
  return JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"] ?? "";
}

/**
 * Sends a form's fields or, as JSON, anything else.
 * @param {string} address
 * @param {unknown} body
 * @param {AbortSignal} [signal]
 */
export function post(address, body, signal) {
  const isForm = body instanceof FormData || body instanceof URLSearchParams;
  const headers = { "X-CSRFToken": csrfToken(), ...(isForm ? {} : { "Content-Type": "application/json" }) };
  return fetch(address, { method: "POST", headers, body: isForm ? body : JSON.stringify(body), signal });
}

/**
 * The JSON of an answer, null where there is none: no answer, or another kind of it.
 * @param {Response | null | undefined} response
 */
export async function jsonOf(response) {
  return (await response?.json().catch(() => null)) ?? null;
}

/**
 * What the server says about a request that it refused, "" when it says nothing that is meant for people.
 * @param {string} text the body of its answer
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
 * @param {string} otherwise what to say when the server says nothing
 */
export async function problemOf(response, otherwise) {
  return problemIn(await response.text().catch(() => "")) || otherwise;
}

/**
 * Whether a request failed because nobody wants its answer any more.
 * @param {unknown} error
 */
export function isAborted(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/**
 * While the server is busy with others it says when to ask again.
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
