// The excerpts of a trailer, chosen by hand: stretches on the strip, in a list that says in which order they come. Without
// any the best moments are looked for.
import { element } from "../lib/elements.js";
import { stage as player } from "../stage.js";
import { read, written } from "./clocks.js";
import { Fields } from "./fields.js";
import { Picture } from "./picture.js";
import { Range } from "./ranges.js";
import { Strip } from "./strip.js";
import { buttons, play } from "./transport.js";

const USUAL = 3; // seconds
const LEAST = 1; // seconds, as the form has it
const FADE = 0.4; // seconds that one goes over into the next, as the engine has it

/**
 * @param {HTMLElement} place
 * @param {HTMLFormElement} form
 */
export function open(place, form) {
  new ExcerptsStage(place, form);
}

class ExcerptsStage {
  constructor(place, form) {
    this.fields = new Fields(form);
    new Picture(place);
    this.strip = new Strip(place);
    this.ranges = [];
    this.chosen = -1;
    this.say = element("p", { className: "small soft" });
    this.list = element("ol", { className: "excerpts" });
    const from = () => this.here(0);
    const to = () => this.here(1);
    this.acts = buttons({ "Add an excerpt here": () => this.add(), "From here": from, "To here": to });
    place.append(this.acts, this.say, this.list);
    this.fields.follow(() => this.show());
  }

  // [start, end] pairs in seconds, in the order in which they come.
  all() {
    const pairs = this.fields
      .text("excerpts")
      .split(",")
      .map((part) => part.split("-").map(read));
    return pairs.filter(([start, end]) => typeof end === "number" && start !== null && start < end);
  }

  write(all) {
    this.fields.write({ excerpts: all.map(([start, end]) => `${written(start)}-${written(end)}`).join(", ") });
  }

  add() {
    const start = Number(Math.min(player.currentTime, Math.max(0, this.strip.seconds - USUAL)).toFixed(3));
    const there = this.all();
    this.chosen = there.length;
    this.write([...there, [start, Math.min(this.strip.seconds, start + USUAL)]]);
  }

  // The chosen one begins, or ends, where the player stands; it moves along where it would become too short.
  here(which) {
    const now = Number(player.currentTime.toFixed(3));
    const one = this.all()[this.chosen];
    if (!one) return this.add();
    const [start, end] = one;
    if (which) this.change(this.chosen, [Math.max(0, Math.min(start, now - LEAST)), Math.max(now, LEAST)]);
    else this.change(this.chosen, [now, Math.min(this.strip.seconds, Math.max(end, now + LEAST))]);
  }

  change(place, pair) {
    this.chosen = place;
    this.write(this.all().with(place, pair));
  }

  choose(place) {
    this.chosen = place;
    this.mark();
  }

  show() {
    const all = this.all();
    while (this.ranges.length > all.length) this.ranges.pop().remove();
    while (this.ranges.length < all.length) this.ranges.push(this.range(this.ranges.length));
    for (const [place, [start, end]] of all.entries()) this.ranges[place].show(start, end);
    this.chosen = Math.min(this.chosen, all.length - 1);
    const total = all.reduce((sum, [start, end]) => sum + end - start, 0);
    this.say.textContent = all.length
      ? `${written(total - (all.length - 1) * FADE)} in all`
      : "Without excerpts the best moments are taken.";
    if (this.list.childElementCount !== all.length)
      this.list.replaceChildren(...all.map((_, place) => this.item(place)));
    for (const [place, [start, end]] of all.entries())
      this.list.children[place].querySelector("span").textContent = `${written(start)} – ${written(end)}`;
    this.mark();
  }

  mark() {
    for (const [place, range] of this.ranges.entries()) {
      range.choose(place === this.chosen);
      this.list.children[place]?.classList.toggle("on", place === this.chosen);
    }
  }

  range(place) {
    return new Range(this.strip, `Excerpt ${place + 1}`, (start, end) => this.change(place, [start, end]));
  }

  item(place) {
    const acts = buttons({
      Play: () => {
        this.choose(place);
        const [start, end] = this.all()[place];
        play(start, end);
      },
      "Leave out": () => {
        this.write(this.all().toSpliced(place, 1));
        (this.list.children[place] ?? this.list.lastElementChild ?? this.acts).querySelector("button").focus();
      },
    });
    for (const act of acts.children) act.ariaLabel = `${act.textContent} excerpt ${place + 1}`;
    return element("li", { className: "row wrap tight" }, element("span", { className: "num grow" }), acts);
  }
}
