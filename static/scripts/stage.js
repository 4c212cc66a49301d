// The recording on its page, as one player for every script. While a cut is played two elements take turns behind it: one is
// seen and heard and carries the id, the other waits where the cut goes on, with its picture decoded: finding that place
// takes longer than a picture lasts.
import { byId } from "./lib/elements.js";

class Stage extends EventTarget {
  static EVENTS = [
    "play",
    "playing",
    "pause",
    "seeking",
    "seeked",
    "timeupdate",
    "ratechange",
    "ended",
    "error",
    "loadeddata",
  ];
  static HANDED_OVER = ["muted", "playbackRate", "volume"];

  constructor(element) {
    super();
    this.element = element;
    this.other = null;
    this.place = null;
    this.alone = Boolean(/** @type {any} */ (navigator).connection?.saveData);
    this.follow(element);
    element.controls = false; // the page has its own
  }

  get currentTime() {
    return this.element.currentTime;
  }
  set currentTime(seconds) {
    this.element.currentTime = seconds;
  }
  get duration() {
    return this.element.duration;
  }
  get ended() {
    return this.element.ended;
  }
  get muted() {
    return this.element.muted;
  }
  set muted(quiet) {
    this.element.muted = quiet;
  }
  get paused() {
    return this.element.paused;
  }
  get playbackRate() {
    return this.element.playbackRate;
  }
  set playbackRate(rate) {
    this.element.playbackRate = rate;
  }
  get seeking() {
    return this.element.seeking;
  }

  play() {
    return this.element.play();
  }
  pause() {
    this.element.pause();
  }

  // Tell what happens to an element while it is the one that is seen.
  follow(element) {
    for (const name of Stage.EVENTS) {
      element.addEventListener(name, () => {
        if (element === this.element) this.dispatchEvent(new Event(name));
      });
    }
  }

  // Let the other element wait at a time, in seconds.
  prepare(time) {
    if (this.alone) return;
    this.other ??= this.made();
    if (this.place === time || this.other.seeking) return;
    this.place = time;
    this.other.currentTime = time;
  }

  made() {
    const other = this.element.cloneNode(false);
    other.removeAttribute("id");
    other.removeAttribute("poster");
    Object.assign(other, { inert: true, preload: "auto" });
    other.addEventListener("error", () => this.refuse());
    this.follow(other);
    this.element.after(other);
    return other;
  }

  // Whether the other one can go on from a time at once. What fills the screen or floats over it has to stay the same element.
  isReady(time) {
    const { element, other } = this;
    const waits =
      this.place === time && other && !other.seeking && other.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA;
    return waits && ![document.fullscreenElement, document.pictureInPictureElement].includes(element);
  }

  // The other one goes on, and looks to a person as if it were the same.
  take() {
    const { element, other } = this;
    for (const name of Stage.HANDED_OVER) other[name] = element[name];
    other.play().catch(({ name }) => {
      if (name === "NotAllowedError") this.giveBack();
    });
    this.turn(element, other);
    element.pause();
  }

  turn(from, to) {
    from.removeAttribute("id");
    to.id = "player";
    [from.inert, to.inert] = [true, false];
    for (const track of from.querySelectorAll("track")) {
      const { mode } = track.track;
      to.append(track);
      track.track.mode = mode;
    }
    [this.element, this.other, this.place] = [to, from, null];
  }

  // This browser lets only the element play with sound that a person has started.
  giveBack() {
    const { element, other } = this;
    other.currentTime = element.currentTime;
    this.turn(element, other);
    this.refuse();
    this.play().catch(() => {});
  }

  refuse() {
    this.alone = true;
    this.release();
  }

  // Without a cut to play there is one element, and nothing more is loaded.
  release() {
    const { other } = this;
    if (!other) return;
    this.other = this.place = null;
    other.remove();
    other.removeAttribute("src");
    other.load();
  }
}

export const stage = new Stage(byId("player", HTMLMediaElement));
