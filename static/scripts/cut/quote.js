// What rendering the cut would take, asked of the server for the plan that is shown: time, size, and what is copied.
import { isAborted, jsonOf, post } from "../lib/requests.js";
import { size } from "../lib/sizes.js";
import { span } from "../lib/times.js";

export class CutQuote {
  /**
   * @param {string} address
   * @param {HTMLElement} say
   */
  constructor(address, say) {
    this.address = address;
    this.say = say;
  }

  /**
   * A later question overtakes an earlier one.
   * @param {object} params
   */
  async ask(params) {
    this.asked?.abort();
    this.asked = new AbortController();
    const { signal } = this.asked;
    try {
      const answer = await jsonOf(await post(this.address, { operation: "silence-cut", params }, signal));
      if (!signal.aborted) this.say.textContent = inWords(answer);
    } catch (error) {
      if (!isAborted(error)) this.say.textContent = "";
    }
  }
}

function inWords(quote) {
  if (!quote || quote.error) return "";
  const time = quote.seconds ? `About ${span(quote.seconds.likely)}` : "Time not known yet";
  return [time, quote.bytes ? size(quote.bytes) : "", quote.copies].filter(Boolean).join(", ");
}
