// Pictures of a recording that has no storyboard, drawn like those of one: a player that nobody sees looks for each time, one
// after the other. What this browser cannot play, the server draws.
import { element } from "../lib/elements.js";

const PATIENCE_MS = 10000;

export class Frames {
  /** @param {string} address where the server draws single pictures of the recording */
  constructor(address) {
    this.address = address;
    this.turn = Promise.resolve();
    /** @type {HTMLVideoElement | null} */
    this.player = null;
    this.plays = true;
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} time
   */
  draw(canvas, time) {
    this.turn = this.turn.then(() => (canvas.isConnected ? this.#take(canvas, time) : undefined)).catch(() => {});
    return this.turn;
  }

  async #take(canvas, time) {
    const picture = (this.plays && (await this.#sought(time))) || (await this.#sent(time));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  }

  /** @param {number} time */
  async #sought(time) {
    const player = this.player ?? this.#opened();
    this.plays = player.readyState > 0 || ((await heard(player, "loadeddata")) && player.videoWidth > 0);
    if (!this.plays) return null;
    const seeked = heard(player, "seeked");
    player.currentTime = time;
    return (await seeked) ? player : null;
  }

  #opened() {
    const src = this.address.replace(/frame$/, "file");
    this.player = element("video", { muted: true, preload: "auto", src });
    return this.player;
  }

  /** @param {number} time */
  async #sent(time) {
    const image = new Image();
    image.src = `${this.address}?at=${time.toFixed(2)}`;
    await image.decode();
    return image;
  }
}

/**
 * Whether that came, and came soon.
 * @param {HTMLVideoElement} player
 * @param {string} what
 * @returns {Promise<boolean>}
 */
function heard(player, what) {
  return new Promise((done) => {
    player.addEventListener(what, () => done(true), { once: true });
    player.addEventListener("error", () => done(false), { once: true });
    setTimeout(() => done(false), PATIENCE_MS);
  });
}
