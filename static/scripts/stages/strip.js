// The whole recording as a strip of film in a form: a press or a drag on it takes the player there, whose place it shows. What
// is set by hand lies on it in `over`.
import { element } from "../lib/elements.js";
import { moment } from "../lib/times.js";
import { stage as player } from "../stage.js";
import { Storyboard } from "../storyboard.js";
import { Frames } from "./frames.js";
import { held } from "./hands.js";

const DEEP = 44; // CSS pixels, as the stylesheet has it
const SHAPE = 16 / 9; // of a recording without picture

export class Strip {
  /**
   * @param {HTMLElement} place a stage with the recording's length, and where its pictures come from if it has any
   * @param {(time: number) => void} [pressed] called when a press that was no drag is over
   */
  constructor(place, pressed = () => {}) {
    this.seconds = Number(place.dataset.seconds);
    const [width, height] = (place.dataset.size ?? "").split("x").map(Number);
    this.shape = width / height || SHAPE;
    const { storyboard, frame } = place.dataset;
    this.board = storyboard ? Storyboard.of(storyboard) : frame ? new Frames(frame) : null;
    this.film = element("div", { className: "reel-film" });
    this.film.setAttribute("aria-hidden", "true");
    this.head = element("i", { className: "head-line" });
    this.over = element("div", { className: "hands" }, this.head);
    this.frame = element("div", { className: "reel" }, this.film, this.over);
    place.append(this.frame);
    held(this.over, {
      grab: (event) => ({ from: event.clientX, to: this.go(event), moved: false }),
      drag: (hold, x, _, event) => {
        hold.moved ||= Math.abs(x) > 4;
        if (hold.moved) hold.to = this.go(event);
      },
      drop: (hold) => hold.moved || pressed(hold.to),
    });
    for (const name of ["timeupdate", "seeking", "seeked"]) player.addEventListener(name, () => this.follow());
    new ResizeObserver(() => this.unroll()).observe(this.frame);
  }

  // The time below a pointer, to which the player goes.
  go(event) {
    const box = this.over.getBoundingClientRect();
    const time = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * this.seconds;
    visit(Number(time.toFixed(3)));
    return Number(time.toFixed(3));
  }

  /** Seconds for one CSS pixel. */
  get scale() {
    return this.seconds / (this.over.clientWidth || 1);
  }

  /** @param {number} time */
  percent(time) {
    return `${(100 * Math.min(time, this.seconds)) / this.seconds}%`;
  }

  follow() {
    if (!this.frame.isConnected) return;
    this.head.style.left = this.percent(player.currentTime);
    this.over.title = moment(player.currentTime);
  }

  // As many pictures as stand beside each other.
  unroll() {
    this.follow();
    const wide = DEEP * this.shape;
    const count = Math.ceil(this.frame.clientWidth / wide);
    if (!this.board || !count || count === this.film.childElementCount) return;
    const pictures = Array.from({ length: count }, () =>
      element("canvas", { width: Math.round(2 * wide), height: 2 * DEEP }),
    );
    this.film.replaceChildren(...pictures);
    for (const [place, canvas] of pictures.entries())
      this.board.draw(canvas, ((place + 0.5) * wide * this.seconds) / this.frame.clientWidth);
  }
}

let wanted = null;
let isWaiting = false;

/**
 * Take the player to a time; while it still looks for another one, that comes first.
 * @param {number} time
 */
export function visit(time) {
  wanted = time;
  if (!player.seeking) return go();
  if (isWaiting) return;
  isWaiting = true;
  player.addEventListener("seeked", go, { once: true });
}

function go() {
  isWaiting = false;
  if (wanted !== null) player.currentTime = wanted;
  wanted = null;
}
