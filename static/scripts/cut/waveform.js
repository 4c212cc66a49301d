// Draws how loud a recording is, and what of it stays, on a canvas. Only what is in view is drawn, from a pyramid of the
// loudest and the mean of ever more steps: hours cost no more than seconds.
import { clock } from "../lib/times.js";
import { listenTo } from "./gestures.js";
import * as cutlist from "./list.js";

export class Waveform {
  static RULER = 26;
  static FOOT = 10;
  static PITCH = 3;
  static SHADES = 6;
  static FLOOR_DB = -66;
  static SHORTEST_VIEW = 1;
  static NICE = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

  // `hands` are told what a pointer does there: see gestures.js. Of `view()` they are told here.
  constructor(canvas, hands) {
    this.canvas = canvas;
    this.hands = hands;
    this.list = [];
    this.chosen = -1;
    this.duration = 0;
    this.view = { start: 0, span: 1 };
    this.playhead = 0;
    this.level = null;
    this.speed = 0;
    this.pyramid = [];
    this.width = 0;
    this.depth = 0;
    new ResizeObserver(() => this.measure()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
    this.selected = null; // [start, end] in seconds
    listenTo(this);
    this.paint();
  }

  // What was heard ------------------------------------------------------------------------------------------------------

  load({ steps, step_ms, borders }) {
    const height = new Uint8Array(borders.length + 1);
    borders.forEach((db, place) => {
      height[place + 1] = 255 * this.height(db);
    });
    this.step = step_ms / 1000;
    let loudest = steps.map((byte) => height[byte]);
    let mean = loudest;
    this.pyramid = [{ loudest, mean }];
    while (loudest.length > 64) {
      const finer = this.pyramid.at(-1);
      const length = Math.ceil(finer.loudest.length / 4);
      loudest = new Uint8Array(length);
      mean = new Uint8Array(length);
      for (let place = 0; place < length; place += 1) {
        let top = 0;
        let sum = 0;
        const first = place * 4;
        const last = Math.min(first + 4, finer.loudest.length);
        for (let at = first; at < last; at += 1) {
          top = Math.max(top, finer.loudest[at]);
          sum += finer.mean[at];
        }
        loudest[place] = top;
        mean[place] = sum / (last - first);
      }
      this.pyramid.push({ loudest, mean });
    }
    this.draw();
  }

  height(db) {
    return Math.min(1, Math.max(0, 1 - db / Waveform.FLOOR_DB));
  }

  // Loudest and mean between two times, 0 to 255.
  between(start, end) {
    let layer = 0;
    let size = this.step;
    while (layer + 1 < this.pyramid.length && size * 4 <= end - start) {
      layer += 1;
      size *= 4;
    }
    const { loudest, mean } = this.pyramid[layer];
    const first = Math.floor(start / size + 1e-6);
    const last = Math.min(loudest.length, Math.max(first + 1, Math.ceil(end / size - 1e-6)));
    let top = 0;
    let sum = 0;
    for (let at = first; at < last; at += 1) {
      top = Math.max(top, loudest[at]);
      sum += mean[at];
    }
    return last > first ? [top, sum / (last - first)] : [0, 0];
  }

  // What is in view -----------------------------------------------------------------------------------------------------

  get scale() {
    return this.width / this.view.span;
  }
  x(time) {
    return (time - this.view.start) * this.scale;
  }
  time(x) {
    return Math.max(0, Math.min(this.duration, this.view.start + x / this.scale));
  }
  get whole() {
    return this.view.span >= this.duration;
  }

  extend(duration) {
    const whole = this.whole || !this.duration;
    this.duration = duration;
    this.show(whole ? 0 : this.view.start, whole ? duration : this.view.span);
  }

  show(start, span) {
    span = Math.max(Math.min(Waveform.SHORTEST_VIEW, this.duration), Math.min(this.duration, span));
    this.view = { span, start: Math.max(0, Math.min(this.duration - span, start)) };
    this.hands.view();
    this.draw();
  }

  // Closer by a factor, with one time staying where it is.
  zoom(factor, time = this.view.start + this.view.span / 2) {
    const span = Math.max(Waveform.SHORTEST_VIEW, Math.min(this.duration, this.view.span / factor));
    this.show(time - ((time - this.view.start) * span) / this.view.span, span);
  }

  reveal(start, end = start) {
    const { start: from, span } = this.view;
    if (start < from || end > from + span)
      this.show((start + end) / 2 - span / 2, Math.max(span, (end - start) * 1.25));
  }

  // Drawing -------------------------------------------------------------------------------------------------------------

  measure() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    [this.width, this.depth] = [clientWidth, clientHeight];
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    this.context = this.canvas.getContext("2d");
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.render();
  }

  // The tokens of the page as colours, as they are in this light.
  paint() {
    const { style } = this.canvas;
    this.colours = {};
    for (const name of ["accent", "soft", "bad", "ink", "edge", "card", "line", "run"]) {
      style.color = `var(--${name})`;
      this.colours[name] = getComputedStyle(this.canvas).color;
    }
    style.color = "";
    this.font = `11px ${getComputedStyle(this.canvas).fontFamily}`;
    this.draw();
  }

  draw() {
    this.due ||= requestAnimationFrame(() => this.render());
  }

  render() {
    cancelAnimationFrame(this.due);
    this.due = 0;
    if (!this.context || !this.width || !this.duration) return;
    this.context.clearRect(0, 0, this.width, this.depth);
    const first = cutlist.at(this.list, this.view.start);
    const last = cutlist.at(this.list, this.view.start + this.view.span);
    const shown = this.list.slice(first, last + 1);
    this.shade(shown);
    this.bars(first);
    this.lines(shown);
    this.choice();
    this.selection();
    this.ruler();
    this.head();
  }

  get middle() {
    return Waveform.RULER + this.half;
  }
  get half() {
    return (this.depth - Waveform.RULER - Waveform.FOOT) / 2;
  }

  fill(colour, alpha = 1) {
    this.context.fillStyle = this.colours[colour];
    this.context.globalAlpha = alpha;
  }

  // Red is what goes; what runs faster is green, and says how fast.
  shade(shown) {
    const { context } = this;
    const words = `${this.speed}×`;
    this.fill(this.speed ? "accent" : "bad", this.speed ? 0.14 : 0.1);
    for (const { start, end, kept } of shown) {
      if (!kept) context.fillRect(this.x(start), Waveform.RULER, (end - start) * this.scale, 2 * this.half);
    }
    if (!this.speed) return;
    context.font = this.font;
    context.textBaseline = "middle";
    this.fill("soft");
    const room = context.measureText(words).width;
    for (const { start, end, kept } of shown) {
      const left = Math.max(0, this.x(start));
      const right = Math.min(this.width, this.x(end));
      if (!kept && right - left > room + 8) context.fillText(words, (left + right - room) / 2, Waveform.RULER + 10);
    }
  }

  // Where one bar stands for many stretches, it is as green as much of it stays.
  bars(place) {
    if (!this.pyramid.length) return;
    const lasts = Math.max(Waveform.PITCH / this.scale, this.step);
    const wide = Math.max(2, lasts * this.scale - 1);
    const paths = Array.from({ length: Waveform.SHADES + 1 }, () => [new Path2D(), new Path2D()]);
    const end = Math.min(this.duration, this.view.start + this.view.span);
    for (let at = Math.floor(this.view.start / lasts); at * lasts < end; at += 1) {
      const from = at * lasts;
      const to = from + lasts;
      while (place + 1 < this.list.length && this.list[place].end <= from) place += 1;
      let stays = 0;
      for (let one = place; this.list[one]?.start < to; one += 1) {
        if (this.list[one].kept) stays += Math.min(to, this.list[one].end) - Math.max(from, this.list[one].start);
      }
      const shade = Math.round((Waveform.SHADES * stays) / lasts);
      this.between(from, to).forEach((value, kind) => {
        const tall = Math.max(0.75, (value / 255) * (this.half - 4));
        paths[shade][kind].rect(this.x(from), this.middle - tall, wide, 2 * tall);
      });
    }
    paths.forEach((pair, shade) => {
      const stays = shade / Waveform.SHADES;
      for (const [kind, accent, soft] of [
        [0, 0.45, 0.3],
        [1, 1, 0.45],
      ]) {
        this.fill("soft", soft * (1 - stays));
        this.context.fill(pair[kind]);
        this.fill("accent", accent * stays);
        this.context.fill(pair[kind]);
      }
    });
  }

  // The level under which it counts as silence, and the edges, where there is room for them.
  lines(shown) {
    if (this.level !== null && Number.isFinite(this.level)) {
      this.fill("ink", 0.3);
      const tall = this.height(this.level) * (this.half - 4);
      for (let x = 0; x < this.width; x += 6) {
        this.context.fillRect(x, this.middle - tall, 3, 1);
        this.context.fillRect(x, this.middle + tall, 3, 1);
      }
    }
    this.fill(this.speed ? "accent" : "bad", 0.55);
    if (shown.length < this.width / 4)
      for (const { start } of shown.slice(1))
        this.context.fillRect(this.x(start) - 0.5, Waveform.RULER, 1, 2 * this.half);
  }

  choice() {
    const one = this.list[this.chosen];
    if (!one) return;
    const left = this.x(one.start);
    const right = this.x(one.end);
    const { context } = this;
    if (right < 0 || left > this.width) return;
    context.globalAlpha = 1;
    context.strokeStyle = this.colours.ink;
    context.lineWidth = 1.5;
    context.strokeRect(left, Waveform.RULER + 0.75, Math.max(2, right - left), 2 * this.half - 1.5);
    for (const x of right - left > 12 ? [left, right] : []) {
      this.fill("card");
      context.beginPath();
      context.roundRect(x - 4, this.middle - 14, 8, 28, 4);
      context.fill();
      context.stroke();
    }
  }

  // What was dragged over.
  selection() {
    if (!this.selected) return;
    const [left, right] = this.selected.map((time) => this.x(time));
    const tall = 2 * this.half;
    this.fill("run", 0.2);
    this.context.fillRect(left, Waveform.RULER, right - left, tall);
    this.fill("run");
    for (const x of [left, right]) this.context.fillRect(x - 0.75, Waveform.RULER, 1.5, tall);
  }

  ruler() {
    const { context } = this;
    const every = Waveform.NICE.find((step) => step * this.scale >= 76) ?? 14400;
    context.font = this.font;
    context.textBaseline = "middle";
    for (let at = Math.ceil(this.view.start / every); at * every <= this.view.start + this.view.span; at += 1) {
      const x = this.x(at * every);
      this.fill("edge", 0.6);
      context.fillRect(x, Waveform.RULER - 7, 1, 7);
      this.fill("soft");
      const words = clock(at * every, every < 1 ? 1 : 0);
      const room = context.measureText(words).width;
      if (x + 4 + room <= this.width) context.fillText(words, x + 4, Waveform.RULER / 2 - 1);
    }
    if (this.whole) return;
    this.fill("line");
    context.fillRect(0, this.depth - 6, this.width, 6);
    this.fill("edge");
    const each = this.width / this.duration;
    context.fillRect(this.view.start * each, this.depth - 6, Math.max(6, this.view.span * each), 6);
  }

  head() {
    const x = this.x(this.playhead);
    const { context } = this;
    if (x < -6 || x > this.width + 6) return;
    this.fill("ink");
    context.fillRect(x - 0.75, 10, 1.5, this.depth - Waveform.FOOT - 10);
    context.beginPath();
    context.moveTo(x - 5, 4);
    context.lineTo(x + 5, 4);
    context.lineTo(x, 13);
    context.fill();
  }

  // What a hand finds ---------------------------------------------------------------------------------------------------

  // The edge that a hand would take here, 0 for none.
  edge({ x, y }, reach) {
    if (y < Waveform.RULER || !this.list.length) return 0;
    const near = cutlist.at(this.list, this.time(x));
    const [best] = [near, near + 1]
      .filter((place) => place > 0 && place < this.list.length)
      .map((place) => [place, Math.abs(this.x(this.list[place].start) - x)])
      .sort((one, other) => one[1] - other[1]);
    if (!best || best[1] > reach) return 0;
    const narrow = [best[0] - 1, best[0]].some((place) => this.wide(place) < reach * 2.5);
    return narrow ? 0 : best[0];
  }

  wide(place) {
    const { start, end } = this.list[place];
    return (end - start) * this.scale;
  }
}
