// A recording that the server fetches: its address goes there with what to do, and its row comes back.
import { byId, element } from "../lib/elements.js";
import { htmx } from "../lib/htmx.js";
import { csrfToken, problemOf } from "../lib/requests.js";
import { follow } from "../lib/told.js";

const field = byId("id_url", HTMLInputElement);

export const isGiven = () => field.value.trim() !== "";
export const whenGiven = (listener) => field.addEventListener("input", listener);

/** @param {string} work the form's fields */
export async function fetchIt(work) {
  const fields = new URLSearchParams(work);
  fields.set("url", field.value);
  const part = byId("imports", HTMLElement);
  const headers = { "X-CSRFToken": csrfToken(), "HX-Request": "true" };
  const answer = await fetch(part.dataset.from, { method: "POST", headers, body: fields }).catch(() => null);
  document.getElementById("address-trouble")?.remove();
  if (!answer?.ok) {
    const otherwise = "The server cannot be reached. Try again when it is back.";
    const words = answer ? await problemOf(answer, otherwise) : otherwise;
    field.after(element("p", { className: "bad small", id: "address-trouble", role: "alert" }, words));
    return field.focus();
  }
  field.value = "";
  field.dispatchEvent(new Event("input"));
  htmx.swap("#imports", await answer.text(), { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0 });
}

follow("imports", "imports-state", 1000);
