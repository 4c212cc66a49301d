// Uploads in pieces, as tus 1.0.0 has them: one request at a time, and what its answer means for the upload.
import { csrfToken, problemIn } from "../lib/requests.js";

export class Refused extends Error {} // these bytes: no use in going on
export class Unclear extends Error {} // what is to be done with them; the bytes may go on once that is mended
export class Held extends Error {} // something else has to happen first; what arrived is kept
export class Broken extends Error {} // another try can help

// One request; resolves to the XMLHttpRequest (which reports the progress of a body, as fetch does not).
export function call(method, url, headers = {}, body = null, hooks = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.setRequestHeader("Tus-Resumable", "1.0.0");
    request.setRequestHeader("X-CSRFToken", csrfToken());
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.onload = () => resolve(request);
    request.onerror = request.ontimeout = () => reject(new Broken());
    request.onabort = () => reject(new Broken());
    if (hooks.progress) request.upload.onprogress = (event) => hooks.progress(event.loaded);
    hooks.start?.(request);
    request.send(body);
  });
}

// All but Broken is told to the person, in the server's words where it has some.
export function check(request, ...fine) {
  if (fine.includes(request.status)) return request;
  if ([0, 409, 423, 460, 502, 503, 504].includes(request.status)) throw new Broken();
  if (request.status === 401 || request.status === 403)
    throw new Held("You are signed out. Sign in again, then choose the same file: it goes on where it stopped.");
  const words = problemIn(request.responseText);
  if (request.status === 429) throw new Held(words || "That was too much at once. Wait a moment, then go on.");
  if (request.status >= 500)
    throw new Held(
      words || "The server is in trouble. What arrived so far is kept: try again later, or tell the operator.",
    );
  throw new (request.status === 422 ? Unclear : Refused)(
    words || "The server did not take this file. Try again, or tell the operator.",
  );
}

export const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
