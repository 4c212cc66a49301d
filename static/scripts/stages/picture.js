// A picture of the recording in a form: the moment that the player stands at, drawn anew whenever it moves. Where this browser
// cannot play the recording, or has not loaded any of it, the server draws it. What is set by hand lies on it in `over`.
import { element } from "../lib/elements.js";
import { stage as player } from "../stage.js";

const WIDEST = 960;
const PATIENCE_MS = 200; // while it is on the way to a picture

export class Picture {
  /** @param {HTMLElement} place a stage with the recording's size in pixels and the address of its pictures */
  constructor(place) {
    const [width, height] = place.dataset.size.split("x").map(Number);
    this.place = place;
    this.width = width;
    this.height = height;
    const drawn = Math.min(width, WIDEST);
    this.canvas = element("canvas", { width: drawn, height: Math.round((drawn * height) / width) });
    this.canvas.setAttribute("aria-hidden", "true");
    this.over = element("div", { className: "hands" });
    const exact = place.querySelectorAll("[data-exact]");
    this.frame = element("div", { className: "picture" }, this.canvas, ...exact, this.over);
    this.shape(width, height);
    place.prepend(this.frame);
    this.shown = null; // the time of what was drawn by the server
    this.paintFirst();
    for (const name of ["loadeddata", "seeked", "timeupdate"]) player.addEventListener(name, () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.frame); // its form may go, and come back
  }

  /**
   * The room that it takes, so that nothing below moves.
   * @param {number} width
   * @param {number} height
   */
  shape(width, height) {
    this.frame.style.aspectRatio = `${width} / ${height}`;
    this.frame.style.setProperty("--shape", String(width / height));
  }

  /**
   * Show it turned clockwise by degrees, and then flipped.
   * @param {{rotate: number, flip: string}} turn
   * @param {{width: number, height: number}} seen its size then
   */
  turn({ rotate, flip }, seen) {
    this.shape(seen.width, seen.height);
    const across = rotate % 180 ? [seen.height / seen.width, seen.width / seen.height] : [1, 1];
    const mirror = { horizontal: "scaleX(-1)", vertical: "scaleY(-1)" }[flip] ?? "";
    this.canvas.style.width = `${100 * across[0]}%`;
    this.canvas.style.height = `${100 * across[1]}%`;
    this.canvas.style.transform = `${mirror} rotate(${rotate}deg)`;
  }

  /** Pixels of the recording for one of the page. */
  get scale() {
    return this.width / (this.over.clientWidth || 1);
  }

  // Its poster, until there is something better.
  async paintFirst() {
    const { poster } = this.place.dataset;
    if (!poster) return;
    const image = new Image();
    image.src = poster;
    await image.decode().catch(() => {});
    if (image.naturalWidth && !this.canvas.dataset.drawn) this.paint(image);
  }

  draw() {
    clearTimeout(this.timer);
    if (!this.place.isConnected) return;
    if (hasPicture(player.element, this.place.dataset.frame))
      this.paint(/** @type {HTMLVideoElement} */ (player.element));
    else this.timer = setTimeout(() => this.fetch(), player.element.error ? 0 : PATIENCE_MS);
  }

  async fetch() {
    const time = Math.min(player.currentTime || 0, Number(this.place.dataset.seconds));
    if (this.shown === time) return;
    this.shown = time;
    const image = new Image();
    image.src = `${this.place.dataset.frame}?at=${time}`;
    const came = await image.decode().then(
      () => true,
      () => false,
    );
    if (came && this.shown === time) this.paint(image);
    else if (!came) this.shown = null;
  }

  /** @param {HTMLVideoElement | HTMLImageElement} source */
  paint(source) {
    const { canvas } = this;
    canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
    canvas.dataset.drawn = "yes";
  }
}

// Before it was ever played or sought, a player shows its poster, and has no picture to give however much it has loaded. It
// may play another version than the one that the form is about.
function hasPicture(seen, address) {
  const isSame = new URL(seen.currentSrc || "/", location.href).pathname === address.replace(/frame$/, "file");
  const isThere = seen.videoWidth && seen.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  return isSame && isThere && (seen.currentTime > 0 || seen.played.length > 0);
}
