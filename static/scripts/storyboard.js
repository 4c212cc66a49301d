// What a recording looks like at other times. The pictures come from a WebVTT file that names sheets and places on them, and
// are fetched when they are first wanted.
const CUE = /^(\d+):(\d\d):(\d\d\.\d{3}) --> .*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm;
const turns = new WeakMap(); // by canvas: how often it was asked to draw

export class Storyboard {
  static #known = new Map();
  static of(address) {
    if (!Storyboard.#known.has(address)) Storyboard.#known.set(address, new Storyboard(address));
    return Storyboard.#known.get(address);
  }

  constructor(address) {
    this.address = address;
    this.sheets = new Map();
    this.asked = undefined;
  }

  cues() {
    this.asked ??= this.#fetched();
    return this.asked;
  }

  async #fetched() {
    const answer = await fetch(this.address).catch(() => null);
    const found = answer?.ok ? [...(await answer.text()).matchAll(CUE)] : [];
    return found.map(([, hours, minutes, seconds, sheet, ...place]) => ({
      time: hours * 3600 + minutes * 60 + Number(seconds),
      sheet,
      place: place.map(Number),
    }));
  }

  sheet(address) {
    if (!this.sheets.has(address)) {
      const image = new Image();
      image.src = address;
      this.sheets.set(
        address,
        image.decode().then(
          () => image,
          () => null,
        ),
      );
    }
    return this.sheets.get(address);
  }

  // Draw the picture at a time, whole, into the middle of the canvas. A later call overtakes an earlier one. Tells
  // whether there was one.
  async draw(canvas, time) {
    const turn = (turns.get(canvas) ?? 0) + 1;
    turns.set(canvas, turn);
    const cue = (await this.cues()).findLast((one) => one.time <= time);
    const image = cue && (await this.sheet(cue.sheet));
    if (!image || turn !== turns.get(canvas)) return Boolean(image);
    const [x, y, width, height] = cue.place;
    const pen = canvas.getContext("2d");
    const scale = Math.min(canvas.width / width, canvas.height / height);
    const across = width * scale;
    const down = height * scale;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, x, y, width, height, (canvas.width - across) / 2, (canvas.height - down) / 2, across, down);
    return true;
  }

  // Draw as many pictures as fit side by side, each the middle of its stretch of so many seconds. Tells whether there
  // were any.
  async strip(canvas, seconds) {
    const cues = await this.cues();
    if (!cues.length || !canvas.width) return false;
    const [, , width, height] = cues[0].place;
    const count = Math.max(1, Math.round(canvas.width / ((canvas.height * width) / height)));
    const across = canvas.width / count;
    const pen = canvas.getContext("2d");
    for (let at = 0; at < count; at += 1) {
      const time = ((at + 0.5) / count) * seconds;
      const cue = cues.findLast((one) => one.time <= time) ?? cues[0];
      const image = await this.sheet(cue.sheet);
      if (!image) continue;
      const [x, y, wide, high] = cue.place;
      const shown = Math.min(wide, (high * across) / canvas.height); // the middle of it, where it is wider
      pen.drawImage(image, x + (wide - shown) / 2, y, shown, high, at * across, 0, across, canvas.height);
    }
    return true;
  }
}
