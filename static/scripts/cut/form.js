// The settings of a cut: the fields of the operation's form, with the sliders, switches and presets that fill them in.
import { allOf } from "../lib/elements.js";

export class CutForm {
  static PREFIX = "silence-cut-";
  static MS = ["margin_before_ms", "margin_after_ms", "min_silence_ms", "min_clip_ms", "min_saving_ms", "pause_ms"];

  static BESIDE = ["render", "exports", "container", "audio", "loudness_lufs"]; // how it is made, not what stays

  constructor(form, auto) {
    this.form = form;
    this.auto = auto;
  }

  field(name) {
    return this.form.elements[CutForm.PREFIX + name];
  }

  // A switch counts as its field.
  isBeside({ name = "", dataset }) {
    return CutForm.BESIDE.includes(dataset?.sets ?? name.slice(CutForm.PREFIX.length));
  }

  // Whether it only says how fast, and what a hand chose stays. A slider counts as its field.
  isPace({ name, dataset }) {
    return dataset?.slides === "speed" || name === `${CutForm.PREFIX}speed`;
  }

  // What a slider or a switch was moved to, into the fields that it stands for.
  take({ dataset, value, checked }) {
    for (const name of dataset.slides?.split(" ") ?? []) this.field(name).value = value;
    if (dataset.sets) this.field(dataset.sets).value = checked ? dataset.on : dataset.off;
  }

  get named() {
    return [...this.form.elements].filter((one) => one.name?.startsWith(CutForm.PREFIX));
  }

  get detector() {
    return this.field("detector")?.value ?? "loudness";
  }
  get track() {
    return this.field("audio_track")?.value || "all";
  }
  get pauses() {
    return this.field("pauses")?.value ?? "remove";
  }

  // How many times as fast what is not kept runs; 0 when it goes or stays.
  get speed() {
    if (this.pauses !== "speed") return 0;
    const { value, defaultValue, min, max } = this.field("speed");
    return Math.max(Number(min), Math.min(Number(max), number(value) || number(defaultValue)));
  }

  // What the page's own plan needs. What cannot be understood counts as the default; the server says what is wrong.
  settings() {
    const values = { detector: this.detector, pauses: this.pauses };
    for (const name of CutForm.MS) {
      const one = this.field(name);
      if (one) values[name] = Number.parseInt(one.value || one.defaultValue, 10) || 0;
    }
    const level = number(this.field("threshold_db").value);
    return { ...values, speed: this.speed, threshold_db: Number.isFinite(level) ? Math.min(0, level) : "auto" };
  }

  // Everything as the server wants it, but the ranges; what a person left empty has its default there.
  params() {
    const found = {};
    for (const one of this.named) {
      const name = one.name.slice(CutForm.PREFIX.length);
      if (name === "keep" || (one.type === "radio" && !one.checked)) continue;
      if (one.type !== "checkbox") {
        if (one.value !== "") found[name] = one.value;
      } else if (this.form.querySelectorAll(`[name="${one.name}"]`).length > 1) {
        found[name] = [...(found[name] ?? []), ...(one.checked ? [one.value] : [])];
      } else if (one.checked) found[name] = true;
    }
    return found;
  }

  values() {
    return new Map(this.named.filter(({ type }) => type !== "checkbox").map((one) => [one, one.value]));
  }

  restore(values) {
    for (const [one, value] of values) one.value = value;
    dispatchEvent(new Event("input")); // shows and hides the fields that depend on others
  }

  fill(values) {
    for (const [name, value] of Object.entries(values)) if (this.field(name)) this.field(name).value = value;
    this.form.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // Put sliders and switches where the fields are. `threshold`: the level in dBFS that “auto” stands for now, null for none.
  follow(threshold, byHand) {
    for (const slider of allOf(this.form, "[data-slides]", HTMLInputElement)) this.place(slider, threshold);
    for (const one of allOf(this.form, "[data-sets]", HTMLInputElement))
      one.checked = ![one.dataset.off, "off"].includes(this.field(one.dataset.sets).value);
    const isAuto = this.settings().threshold_db === "auto";
    this.auto.setAttribute("aria-pressed", String(isAuto));
    const level = isAuto ? threshold : number(this.field("threshold_db").value);
    this.auto.textContent = level === null ? "Auto" : `${isAuto ? "auto " : ""}${minus(level)} dB`;
    this.auto.ariaLabel = `Auto, now ${this.auto.textContent}`;
    for (const preset of allOf(this.form, "[data-presets]", HTMLInputElement)) {
      const values = Object.entries(JSON.parse(preset.dataset.presets));
      const isSet = values.every(([name, value]) => String(this.field(name)?.value) === String(value));
      preset.checked = isSet && (!byHand || preset.name === "pauses");
    }
  }

  // Where several fields differ, the first has the slider, and all are told.
  place(slider, threshold) {
    const { slides, unit } = slider.dataset;
    const values = [...new Set(slides.split(" ").map((name) => number(this.field(name).value)))];
    const isKnown = values.every(Number.isFinite);
    slider.value = isKnown ? values[0] : (threshold ?? slider.value);
    const words = isKnown ? values.map((value) => UNITS[unit](value)).join(" and ") : `auto, ${minus(slider.value)} dB`;
    slider.setAttribute("aria-valuetext", words);
    const said = slider.nextElementSibling;
    if (said instanceof HTMLOutputElement) said.textContent = words;
  }
}

const UNITS = {
  dB: (value) => `${minus(value)} dB`,
  ms: (value) => `${(value / 1000).toFixed(2)} s`,
  times: (value) => `${value} times`,
};

const minus = (value) => String(value).replace("-", "−");

// A number as a person writes it.
function number(text) {
  return Number.parseFloat(text.replace("−", "-"));
}
