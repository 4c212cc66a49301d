// Shows in a form what its settings lead to: one picture of the recording, drawn by the server when they have rested.
import { textFields } from "./lib/elements.js";
import { isAborted, problemOf } from "./lib/requests.js";
import { stage as player } from "./stage.js";

const PAUSE_MS = 250;
const AGAIN_MS = 5000;

export class Preview {
  /**
   * @param {HTMLElement} place
   * @param {() => boolean} hasSomething whether the form says yet what to show
   */
  constructor(place, hasSomething) {
    this.place = place;
    this.hasSomething = hasSomething;
    this.form = place.closest("form");
    this.image = /** @type {HTMLImageElement} */ (place.querySelector("[data-exact]"));
    this.say = place.querySelector("[role=status]");
    this.invitation = this.say.textContent;
    this.form.addEventListener("input", () => this.soon());
    this.form.addEventListener("submit", () => clearTimeout(this.timer));
    for (const name of ["seeked", "pause", "play"]) player.addEventListener(name, () => this.soon());
    this.form.closest("details")?.addEventListener("toggle", () => this.soon());
    this.soon();
  }

  get isSeen() {
    return this.form.checkVisibility?.() !== false;
  }

  soon(pause = PAUSE_MS) {
    clearTimeout(this.timer);
    this.asked?.abort();
    this.image.hidden = true; // of what has changed since
    if (this.hasSomething() && this.say.textContent === this.invitation) this.say.textContent = "";
    if (player.paused) this.timer = setTimeout(() => this.draw(), pause);
  }

  async draw() {
    this.asked?.abort();
    this.place.removeAttribute("aria-busy");
    if (!this.isSeen) return;
    if (!this.hasSomething()) return this.tell(this.invitation);
    const asked = new AbortController();
    this.asked = asked;
    const fields = textFields(this.form);
    const query = new URLSearchParams([...fields, ["at", String(player.currentTime)]]);
    this.place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(`${this.place.dataset.preview}?${query}`, { signal: asked.signal });
      if (answer.ok) await this.show(await answer.blob(), asked);
      else {
        this.tell(await problemOf(answer, "No preview could be drawn."));
        if (answer.status === 503 && !asked.signal.aborted) this.soon(AGAIN_MS); // the recording is being fetched
      }
    } catch (error) {
      if (!isAborted(error)) this.tell("No preview could be drawn: the server cannot be reached.");
    }
    if (this.asked === asked) this.place.removeAttribute("aria-busy");
  }

  show(blob, asked) {
    return /** @type {Promise<void>} */ (
      new Promise((resolve) => {
        const reader = new FileReader(); // the page's policy allows data: but not blob:
        reader.onload = () => {
          if (!asked.signal.aborted) {
            this.image.src = String(reader.result);
            this.image.hidden = false;
            this.say.textContent = "";
          }
          resolve();
        };
        reader.readAsDataURL(blob);
      })
    );
  }

  tell(words) {
    this.image.hidden = true;
    this.say.textContent = words;
  }
}
