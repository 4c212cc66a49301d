// A stretch of the recording on its strip, with an edge on either side that hands and arrow keys move.
import { element } from "../lib/elements.js";
import { moment } from "../lib/times.js";
import { written } from "./clocks.js";
import { held, keyed } from "./hands.js";
import { visit } from "./strip.js";

const SHORTEST = 0.04; // seconds, about a picture
const STEP = 0.1; // seconds that an arrow moves an edge

export class Range {
  /**
   * @param {any} strip a Strip
   * @param {string} name what its edges are called for who cannot see them
   * @param {(start: number, end: number) => void} moved
   */
  constructor(strip, name, moved) {
    this.strip = strip;
    this.moved = moved;
    this.edges = [this.edge(`${name} begins`, 0), this.edge(`${name} ends`, 1)];
    this.part = element("div", { className: "range" }, ...this.edges);
    strip.over.append(this.part);
    this.times = [0, strip.seconds];
    this.show(0, strip.seconds);
  }

  edge(name, which) {
    const made = element("i", {
      className: `edge ${which ? "end" : "start"}`,
      tabIndex: 0,
      role: "slider",
      ariaLabel: name,
    });
    made.ariaValueMin = "0";
    made.ariaValueMax = String(this.strip.seconds);
    held(made, {
      grab: () => this.times[which],
      drag: (time, x) => this.move(which, time + x * this.strip.scale),
    });
    keyed(made, (right, down) => this.move(which, this.times[which] + (right - down) * STEP), {
      Home: () => this.move(which, 0),
      End: () => this.move(which, this.strip.seconds),
    });
    return made;
  }

  // As far as the other edge and the recording let it; the player shows the picture there.
  move(which, wished) {
    const [start, end] = this.times;
    const time = which
      ? Math.min(this.strip.seconds, Math.max(start + SHORTEST, wished))
      : Math.max(0, Math.min(end - SHORTEST, wished));
    const exact = Number(time.toFixed(3));
    this.show(which ? start : exact, which ? exact : end);
    visit(exact);
    this.moved(this.times[0], this.times[1]);
  }

  /**
   * @param {number} start
   * @param {number} end
   */
  show(start, end) {
    this.times = /** @type {[number, number]} */ ([start, end]);
    this.part.style.left = this.strip.percent(start);
    this.part.style.right = `calc(100% - ${this.strip.percent(end)})`;
    for (const [which, edge] of this.edges.entries()) {
      edge.ariaValueNow = String(this.times[which]);
      edge.ariaValueText = written(this.times[which]);
      edge.title = moment(this.times[which]);
    }
  }

  /** @param {boolean} isChosen */
  choose(isChosen) {
    this.part.classList.toggle("on", isChosen);
  }

  remove() {
    this.part.remove();
  }
}
