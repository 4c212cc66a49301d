// The bar below the picture: frames of the recording side by side, or how loud it is, and a slider over them that shows the
// picture before the player goes there.
import { on } from "./lib/htmx.js";
import { moment } from "./lib/times.js";
import { deck } from "./recording/deck.js";
import { drawSound, fit } from "./recording/sound_strip.js";
import { Storyboard } from "./storyboard.js";

class Bar {
  constructor(place) {
    this.place = place;
    this.levels = place.closest(".player").dataset.levels;
    this.board = place.dataset.storyboard ? Storyboard.of(place.dataset.storyboard) : null;
    this.slider = place.querySelector("input");
    this.strip = place.querySelector(".strip");
    this.view = place.querySelector("figure");
    this.canvas = this.view.querySelector("canvas");
    this.say = place.querySelector("figcaption");
    this.seconds = Number(this.slider.max);
    const slider = this.slider;
    slider.addEventListener("pointermove", (event) => this.show(this.timeAt(event)));
    for (const end of ["pointerleave", "pointercancel", "blur"]) slider.addEventListener(end, () => this.hide());
    slider.addEventListener("input", () => this.show(slider.valueAsNumber));
    slider.addEventListener("change", () => {
      deck.currentTime = slider.valueAsNumber;
    });
    slider.addEventListener("pointerup", (event) => event.pointerType !== "mouse" && this.hide());
    for (const name of ["timeupdate", "seeking", "turn", "playing"]) deck.addEventListener(name, () => this.follow());
    new ResizeObserver(() => this.draw()).observe(this.strip);
    this.follow();
  }

  timeAt(event) {
    const box = this.slider.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * Number(this.slider.max);
  }

  async draw() {
    if (this.board && fit(this.strip) && (await this.board.strip(this.strip, this.seconds))) return;
    if (this.levels) drawSound(this.strip, this.levels);
  }

  // While somebody holds the slider it is theirs.
  follow() {
    const { slider, place } = this;
    slider.max = String((deck.guest && deck.duration) || this.seconds);
    if (!slider.matches(":active")) slider.value = deck.currentTime;
    place.style.setProperty("--at", String(Number(slider.value) / (Number(slider.max) || 1)));
    slider.setAttribute("aria-valuetext", moment(slider.valueAsNumber));
  }

  async show(time) {
    this.wanted = true;
    this.slider.setAttribute("aria-valuetext", moment(this.slider.valueAsNumber));
    const drawn = !deck.guest && (await this.board?.draw(this.canvas, time));
    if (!this.wanted) return;
    this.canvas.hidden = !drawn;
    this.say.textContent = moment(time);
    this.view.hidden = false;
    const room = this.slider.clientWidth - this.view.offsetWidth;
    const middle = (time / Number(this.slider.max)) * this.slider.clientWidth - this.view.offsetWidth / 2;
    this.view.style.left = `${Math.min(Math.max(middle, 0), Math.max(room, 0))}px`;
  }

  hide() {
    this.wanted = false;
    this.view.hidden = true;
  }
}

// The bar of a recording may be drawn anew, and then is another element.
function settle() {
  const place = document.getElementById("scrub");
  if (!place || place.dataset.ready) return;
  place.dataset.ready = "yes";
  new Bar(place);
}

on("htmx:afterSettle", settle);
settle();
