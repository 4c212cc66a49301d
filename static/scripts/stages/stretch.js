// From when until when: a stretch on the strip of the recording, set at its edges or at the place of the player.
import { element } from "../lib/elements.js";
import { stage as player } from "../stage.js";
import { read, written } from "./clocks.js";
import { Fields } from "./fields.js";
import { Picture } from "./picture.js";
import { Range } from "./ranges.js";
import { Strip } from "./strip.js";
import { buttons, play } from "./transport.js";

/**
 * @param {HTMLElement} place
 * @param {HTMLFormElement} form
 */
export function open(place, form) {
  new StretchStage(place, form);
}

class StretchStage {
  constructor(place, form) {
    this.fields = new Fields(form);
    if (place.dataset.size) new Picture(place);
    this.strip = new Strip(place);
    this.range = new Range(this.strip, "What is taken", (start, end) => this.write(start, end));
    this.say = element("output", { className: "small soft num" });
    const from = () => this.here(0);
    const to = () => this.here(1);
    const whole = () => play(this.times()[0], this.times()[1]);
    place.append(buttons({ "From here": from, "To here": to, "Play it": whole }), this.say);
    this.fields.follow(() => this.show());
  }

  // As the fields have it; what is no time yet counts as left out.
  times() {
    const start = Math.min(read(this.fields.text("start")) ?? 0, this.strip.seconds);
    const end = Math.min(read(this.fields.text("end")) ?? this.strip.seconds, this.strip.seconds);
    return start < end ? [start, end] : [start, this.strip.seconds];
  }

  // The recording's own ends are left to it.
  write(start, end) {
    this.fields.write({ start: start > 0 ? written(start) : "", end: end < this.strip.seconds ? written(end) : "" });
  }

  here(which) {
    const now = Number(player.currentTime.toFixed(3));
    const [start, end] = this.times();
    if (which) this.write(start < now ? start : 0, now);
    else this.write(now, now < end ? end : this.strip.seconds);
  }

  show() {
    const [start, end] = this.times();
    this.range.show(start, end);
    this.say.textContent = `${written(start)} to ${written(end)}: ${written(end - start)} of ${written(this.strip.seconds)}`;
  }
}
