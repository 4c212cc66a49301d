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
    const isNew = !this.player;
    const src = this.address.replace(/frame$/, "file");
    this.player ??= element("video", { muted: true, preload: "auto", src });
    const { player } = this;
    if (isNew) await heard(player, "loadeddata");
    const seeked = heard(player, "seeked");
    player.currentTime = time;
    await seeked;
    this.plays = player.videoWidth > 0 && !player.error;
    return this.plays ? player : null;
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
 * @param {HTMLVideoElement} player
 * @param {string} what
 */
function heard(player, what) {
  return new Promise((done) => {
    for (const name of [what, "error"]) player.addEventListener(name, done, { once: true });
    setTimeout(done, PATIENCE_MS);
  });
}
