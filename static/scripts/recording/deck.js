// What is played on a recording's page: the recording itself, or another version that is a guest in its place. Scripts that
// only care for what is seen and heard hold on to the deck; the cut plan, whose times are the recording's, to the stage.
import { stage } from "../stage.js";

const EVENTS = ["play", "playing", "pause", "seeking", "seeked", "timeupdate", "ratechange", "volumechange", "ended"];

class Deck extends EventTarget {
  constructor() {
    super();
    this.guest = null;
    this.pass(stage, () => !this.guest);
    stage.addEventListener("volumechange", () => this.tell("volumechange"));
    for (const name of ["play", "seeking"]) stage.addEventListener(name, () => this.guest && this.show(null));
  }

  pass(source, isShown) {
    for (const name of EVENTS) source.addEventListener(name, () => isShown() && this.tell(name));
  }

  tell(name) {
    this.dispatchEvent(new Event(name));
  }

  // The element, or the stage for it.
  get now() {
    return this.guest ?? stage;
  }
  get element() {
    return this.guest ?? stage.element;
  }
  get duration() {
    return this.now.duration || 0;
  }
  get paused() {
    return this.now.paused;
  }
  get currentTime() {
    return this.now.currentTime;
  }
  set currentTime(seconds) {
    this.now.currentTime = seconds;
  }

  toggle() {
    if (this.paused) this.now.play().catch(() => {});
    else this.now.pause();
  }

  // Let an element be seen and heard in the recording's place, or with null the recording again; it goes on as before,
  // playing or not, at a time in seconds of its own.
  show(element, time) {
    const { paused, playbackRate, muted } = this.now;
    const goes = this.now;
    if (element === this.guest) return;
    if (this.guest) this.guest.hidden = true;
    this.guest = element;
    stage.element.classList.toggle("away", Boolean(element));
    goes.pause();
    if (element) element.hidden = false;
    Object.assign(this.now, { playbackRate, muted });
    if (time !== undefined) this.now.currentTime = time;
    if (!paused) this.now.play().catch(() => {});
    this.tell("turn");
  }
}

export const deck = new Deck();
