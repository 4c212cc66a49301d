// What the page says of a cut, beside what is drawn of it.
import { clock } from "../lib/times.js";
import * as cutlist from "./list.js";
import { said } from "./said.js";

const DIGITS = 2;

export class Board {
  constructor(desk) {
    this.desk = desk;
    this.busy = async (response) => this.say(await said(response));
  }

  say(words, look = "soft", line = this.desk.by("say")) {
    line.className = `small ${look}`;
    if (line.textContent !== words) line.textContent = words;
  }

  fail(words) {
    this.desk.cut.problem = words;
    this.desk.element.dataset.state = "failed";
    this.say(words, "bad");
  }

  // The stretch of a place, in words.
  #named(place) {
    const { list, isMuting } = this.desk.cut;
    const one = list[place];
    if (!one) return "";
    const pauses = list.filter(({ kept }) => !kept).length;
    const number = one.kept ? "" : ` ${list.slice(0, place + 1).filter(({ kept }) => !kept).length} of ${pauses}`;
    const what = one.kept ? "Kept" : `${isMuting ? "Quiet" : this.desk.fields.speed ? "Faster" : "Cut"}${number}`;
    return `${what}: ${range(one.start, one.end)}`;
  }

  // What is selected, or the stretch of a place.
  tellOf(place) {
    const { selected } = this.desk.cut;
    const words = selected
      ? `Selected: ${range(selected[0], selected[1])}. Delete cuts it.`
      : this.#named(place) || "Drag over what is to go, then press Delete. A double click on a cut keeps it.";
    this.desk.by("which").textContent = words;
  }

  show() {
    const { cut, by } = this.desk;
    this.desk.element.dataset.state = "ready";
    this.desk.element.dataset.exact = String(cut.exact);
    by("hand").hidden = !cut.byHand;
    if (!cut.byHand) by("back").hidden = true;
    this.#sum();
    this.tellOf(cut.chosen);
    this.#buttons();
    this.#read();
  }

  // What it saves.
  #sum() {
    const { cut, by } = this.desk;
    const digits = cut.duration < 120 ? 1 : 0;
    const whole = clock(cut.duration, digits);
    const quiet = cut.isMuting;
    by("saved").textContent = clock(quiet ? 0 : cut.duration - cut.left, digits);
    by("sum").textContent = quiet
      ? `${many(cut.gone, "pause")} without sound, ${whole} stays`
      : `of ${whole}: ${this.#what}, ${clock(cut.left, digits)} stays`;
    const bar = /** @type {HTMLProgressElement} */ (by("left"));
    [bar.max, bar.value] = [cut.duration || 1, quiet ? cut.duration : cut.left];
  }

  get #what() {
    const { speed } = this.desk.fields;
    return speed ? `${many(this.desk.cut.gone, "pause")} ${speed} times as fast` : many(this.desk.cut.gone, "cut");
  }

  #buttons() {
    const { cut, fields, past, by, button } = this.desk;
    const { list, selected } = cut;
    const goes = selected ? cutlist.staysIn(list, selected[0], selected[1]) : list[this.desk.selection.here]?.kept;
    by("toggle").textContent = goes ? (fields.speed ? "Speed it up" : "Cut it") : "Keep it";
    button("undo").disabled = !past.isBegun;
    button("redo").disabled = !past.isUndone;
    const isNothing = !cut.isMuting && !(list.some((one) => one.kept) && cut.gone.length);
    button("render").disabled = cut.sending || Boolean(cut.problem && !cut.byHand) || isNothing;
  }

  // The same for who hears the page.
  #read() {
    const { cut, player, wave } = this.desk;
    const { list, chosen, duration } = cut;
    const words = chosen >= 0 ? this.#named(chosen) : `${this.#what}, ${clock(cut.left)} of ${clock(duration)} stays`;
    wave.setAttribute("aria-valuemax", duration.toFixed(2));
    wave.setAttribute("aria-valuenow", (list[chosen]?.start ?? player.currentTime).toFixed(2));
    wave.setAttribute("aria-valuetext", words);
  }
}

const range = (start, end) => `${clock(start, DIGITS)} to ${clock(end, DIGITS)}, ${(end - start).toFixed(DIGITS)} s`;

const many = (ranges, what) => `${ranges.length} ${what}${ranges.length === 1 ? "" : "s"}`;
