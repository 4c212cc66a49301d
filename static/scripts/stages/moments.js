// Moments of the recording, picked from its strip of film: a list of times in one field, and the same as pictures.
import { element } from "../lib/elements.js";
import { stage as player } from "../stage.js";
import { readAll, written } from "./clocks.js";
import { Fields } from "./fields.js";
import { held, keyed } from "./hands.js";
import { Picture } from "./picture.js";
import { Strip, visit } from "./strip.js";
import { buttons } from "./transport.js";

const STEP = 0.1; // seconds that an arrow moves one
const WIDE = 96; // CSS pixels of a picture in the list
// The field that says what the operation goes by, which picking a moment sets.
const MODES = { thumbnails: "mode", split: "by" };
const WORDS = {
  thumbnails: { take: "Take this picture", none: "Press the film where you want a picture.", one: "Picture" },
  split: { take: "Split here", none: "Press the film where a new part begins.", one: "Part begins" },
};

/**
 * @param {HTMLElement} place
 * @param {HTMLFormElement} form
 */
export function open(place, form) {
  new MomentsStage(place, form);
}

class MomentsStage {
  constructor(place, form) {
    const { operation } = form.dataset;
    this.fields = new Fields(form);
    this.mode = MODES[operation];
    this.words = WORDS[operation];
    if (place.dataset.size) new Picture(place);
    this.strip = new Strip(place, (time) => this.add(time));
    this.say = element("p", { className: "small soft" });
    this.list = element("ol", { className: "moments" });
    this.pins = /** @type {HTMLElement[]} */ ([]);
    this.acts = buttons({ [this.words.take]: () => this.add(player.currentTime) });
    place.append(this.acts, this.say, this.list);
    this.fields.follow(() => this.show());
  }

  times() {
    return readAll(this.fields.text("times")).filter((time) => time <= this.strip.seconds);
  }

  write(times) {
    const sorted = [...new Set(times.map((time) => Number(time.toFixed(3))))].sort((one, other) => one - other);
    this.fields.write({ [this.mode]: "times", times: sorted.map(written).join(", ") });
  }

  add(time) {
    this.write([...this.times(), time]);
  }

  drop(time) {
    this.write(this.times().filter((one) => one !== time));
  }

  // They keep their order: one stops beside its neighbour.
  move(time, wished) {
    const there = this.times();
    const place = there.indexOf(time);
    const least = (there[place - 1] ?? -0.04) + 0.04;
    const most = (there[place + 1] ?? this.strip.seconds + 0.04) - 0.04;
    const moved = Number(Math.min(most, Math.max(least, wished)).toFixed(3));
    visit(moved);
    this.write(there.with(place, moved));
  }

  show() {
    const times = this.fields.text(this.mode) === "times" ? this.times() : [];
    const key = times.join();
    if (key === this.shown) return;
    this.shown = key;
    this.say.textContent = times.length ? "" : this.words.none;
    this.pin(times);
    this.list.replaceChildren(...times.map((time) => this.item(time)));
  }

  // What stays is the same element, which a hand may hold.
  pin(times) {
    while (this.pins.length > times.length) this.pins.pop().remove();
    while (this.pins.length < times.length) this.pins.push(this.newPin(this.pins.length));
    for (const [place, pin] of this.pins.entries()) {
      pin.style.left = this.strip.percent(times[place]);
      pin.ariaValueNow = String(times[place]);
      pin.ariaValueText = written(times[place]);
    }
  }

  newPin(place) {
    const now = () => this.times()[place];
    const pin = element("i", { className: "edge pin", tabIndex: 0, role: "slider" });
    pin.ariaLabel = `${this.words.one} ${place + 1}`;
    pin.ariaValueMin = "0";
    pin.ariaValueMax = String(this.strip.seconds);
    held(pin, {
      grab: () => ({ at: now() }),
      drag: (hold, x) => this.move(now(), hold.at + x * this.strip.scale),
    });
    keyed(pin, (right, down) => this.move(now(), now() + (right - down) * STEP), {
      Delete: () => this.drop(now()),
      Backspace: () => this.drop(now()),
    });
    this.strip.over.append(pin);
    return pin;
  }

  item(time) {
    const words = written(time);
    const go = element("button", { type: "button", className: "button quiet small num", textContent: words });
    go.addEventListener("click", () => visit(time));
    const away = element("button", { type: "button", className: "button quiet icon", textContent: "×" });
    away.ariaLabel = `Leave out ${words}`;
    away.addEventListener("click", () => {
      const place = this.times().indexOf(time);
      this.drop(time);
      (this.list.children[place] ?? this.list.lastElementChild ?? this.acts).querySelector("button").focus();
    });
    return element("li", {}, ...this.pictureOf(time), element("span", { className: "row close" }, go, away));
  }

  pictureOf(time) {
    const { board, shape } = this.strip;
    if (!board) return [];
    const canvas = element("canvas", { width: 2 * WIDE, height: Math.round((2 * WIDE) / shape) });
    canvas.setAttribute("aria-hidden", "true");
    board.draw(canvas, time);
    return [canvas];
  }
}
