// The bar below the player: a slider that shows the picture before the player goes there.
import { on } from "./lib/htmx.js";
import { moment } from "./lib/times.js";
import { stage } from "./stage.js";
import { Storyboard } from "./storyboard.js";

class Bar {
  constructor(place, player) {
    this.board = Storyboard.of(place.dataset.storyboard);
    this.slider = place.querySelector("input");
    this.view = place.querySelector("figure");
    this.canvas = place.querySelector("canvas");
    this.say = place.querySelector("figcaption");
    this.player = player;
    const slider = this.slider;
    slider.addEventListener("pointermove", (event) => this.show(this.timeAt(event)));
    for (const end of ["pointerleave", "pointercancel", "blur"]) slider.addEventListener(end, () => this.hide());
    slider.addEventListener("input", () => this.show(slider.valueAsNumber));
    slider.addEventListener("change", () => {
      player.currentTime = slider.valueAsNumber;
    });
    slider.addEventListener("pointerup", (event) => event.pointerType !== "mouse" && this.hide());
    player.addEventListener("timeupdate", () => this.follow());
    this.follow();
  }

  timeAt(event) {
    const box = this.slider.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * Number(this.slider.max);
  }

  // While somebody holds the slider it is theirs.
  follow() {
    if (!this.slider.matches(":active")) this.slider.value = this.player.currentTime;
    this.slider.setAttribute("aria-valuetext", moment(this.slider.valueAsNumber));
  }

  async show(time) {
    this.wanted = true;
    this.slider.setAttribute("aria-valuetext", moment(this.slider.valueAsNumber));
    const drawn = await this.board.draw(this.canvas, time);
    if (!drawn || !this.wanted) return;
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
  if (!place?.dataset.storyboard || place.dataset.ready) return;
  place.dataset.ready = "yes";
  new Bar(place, stage);
}

on("htmx:afterSettle", settle);
settle();
