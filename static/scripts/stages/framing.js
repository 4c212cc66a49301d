// What of the picture a conversion keeps, and how it is turned: a rectangle on the recording's picture, which lies there as
// the result will, and buttons. The fields say it of the picture before it is turned.
import { element } from "../lib/elements.js";
import { inside, middle, stretched, turned, turnedSize, unturned, whole } from "./boxes.js";
import { Fields } from "./fields.js";
import { held, keyed } from "./hands.js";
import { Picture } from "./picture.js";

const LEAST = 16; // pixels a side, as the engine has it
const GRIPS = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const ASPECTS = { Free: "", "16:9": "16:9", "4:3": "4:3", "1:1": "1:1", "4:5": "4:5", "9:16": "9:16" };
const ASPECT = /^\s*(\d{1,4})\s*:\s*(\d{1,4})\s*$/;
const BOX = /^\s*(\d{1,5})\s*[x×]\s*(\d{1,5})\s*\+\s*(\d{1,5})\s*\+\s*(\d{1,5})\s*$/;
const OTHER = { none: "none", horizontal: "vertical", vertical: "horizontal" };

/**
 * @param {HTMLElement} place
 * @param {HTMLFormElement} form
 */
export function open(place, form) {
  new FramingStage(place, form);
}

class FramingStage {
  constructor(place, form) {
    this.fields = new Fields(form);
    this.picture = new Picture(place);
    this.size = { width: this.picture.width, height: this.picture.height };
    this.aspect = ""; // that hands keep to, as it is called
    this.part = element("button", { type: "button", className: "kept" });
    this.part.ariaLabel = "The part to keep: drag it, or move it with the arrow keys and size it with + and −";
    this.part.append(...GRIPS.map((grip) => element("i", { className: `grip ${grip}` })));
    this.picture.over.append(this.part);
    this.say = element("output", { className: "small soft num grow" });
    place.append(element("div", { className: "row wrap tight" }, this.aspects(), this.turns()), this.say);
    held(this.part, {
      grab: ({ target }) => ({ box: this.box(), grip: gripOf(/** @type {HTMLElement} */ (target)) }),
      drag: (hold, x, y) => this.drag(hold, x * this.scale, y * this.scale),
    });
    keyed(this.part, (right, down) => this.step(right, down), {
      "+": () => this.grow(1),
      "=": () => this.grow(1),
      "-": () => this.grow(-1),
    });
    this.fields.follow(() => this.show());
  }

  aspects() {
    const group = element("div", { className: "seg", role: "radiogroup", ariaLabel: "Shape of the part to keep" });
    for (const [name, value] of Object.entries(ASPECTS)) {
      const radio = element("input", { type: "radio", name: "stage-aspect", value, checked: !value });
      radio.addEventListener("change", () => this.choose(value));
      group.append(element("label", {}, radio, name));
    }
    group.addEventListener("input", (event) => event.stopPropagation()); // these are no fields of the form
    return group;
  }

  turns() {
    const button = (words, does) => {
      const made = element("button", { type: "button", className: "button small", textContent: words });
      made.addEventListener("click", does);
      return made;
    };
    this.flips = ["horizontal", "vertical"].map((flip) =>
      button(flip === "horizontal" ? "Flip" : "Flip over", () => this.flip(flip)),
    );
    return element(
      "div",
      { className: "row tight", role: "group", ariaLabel: "Turn and flip" },
      button("Turn left", () => this.turnBy(270)),
      button("Turn right", () => this.turnBy(90)),
      ...this.flips,
    );
  }

  get turn() {
    return { rotate: this.fields.number("rotate", 0), flip: this.fields.text("flip") || "none" };
  }

  // The picture as it is seen here.
  get seen() {
    return turnedSize(this.size, this.turn);
  }

  get scale() {
    return this.seen.width / (this.picture.over.clientWidth || 1);
  }

  // The part in the picture as it is seen here.
  box() {
    return turned(this.kept() ?? { x: 0, y: 0, ...this.size }, this.size, this.turn);
  }

  // What the field says, in the picture as it was recorded; null for all, or for what nobody understands.
  kept() {
    const words = this.fields.text("crop");
    const [, across, down] = ASPECT.exec(words) ?? [];
    if (Number(across) && Number(down)) return middle(Number(across) / Number(down), this.size);
    const found = BOX.exec(words);
    if (!found) return null;
    const [width, height, x, y] = found.slice(1).map(Number);
    return { x, y, width, height };
  }

  put(box) {
    const kept = whole(unturned(box, this.size, this.turn), this.size);
    const isAll = kept.width >= (this.size.width & ~1) && kept.height >= (this.size.height & ~1);
    this.fields.write({ crop: isAll ? "" : `${kept.width}x${kept.height}+${kept.x}+${kept.y}` });
  }

  drag({ box, grip }, x, y) {
    if (grip) this.put(stretched(box, grip, x, y, this.seen, this.ratio, LEAST));
    else this.put(inside({ ...box, x: box.x + x, y: box.y + y }, this.seen));
  }

  get ratio() {
    const [across, down] = this.aspect.split(":").map(Number);
    return down ? across / down : 0;
  }

  step(right, down) {
    const box = this.box();
    const far = Math.max(2, Math.round(this.seen.width / 100));
    this.put(inside({ ...box, x: box.x + right * far, y: box.y + down * far }, this.seen));
  }

  // As much on all sides, around its middle.
  grow(steps) {
    const box = this.box();
    const shape = box.width / box.height;
    const most = Math.min(this.seen.width, this.seen.height * shape);
    const width = Math.max(LEAST, LEAST * shape, Math.min(most, box.width + (steps * this.seen.width) / 50));
    const height = width / shape;
    const [x, y] = [box.x + (box.width - width) / 2, box.y + (box.height - height) / 2];
    this.put(inside({ x, y, width, height }, this.seen));
  }

  choose(aspect) {
    this.aspect = aspect;
    if (aspect) this.put(middle(this.ratio, this.seen));
  }

  // Turning what is flipped one way leaves it flipped the other.
  turnBy(degrees) {
    const { rotate, flip } = this.turn;
    this.fields.write({ rotate: (rotate + degrees) % 360, flip: OTHER[flip] });
  }

  // Flipped both ways it stands on its head.
  flip(way) {
    const { rotate, flip } = this.turn;
    if (flip === OTHER[way]) this.fields.write({ rotate: (rotate + 180) % 360, flip: "none" });
    else this.fields.write({ flip: flip === way ? "none" : way });
  }

  show() {
    const { seen, turn } = this;
    const box = this.box();
    const { style } = this.part;
    this.picture.turn(turn, seen);
    style.left = `${(100 * box.x) / seen.width}%`;
    style.top = `${(100 * box.y) / seen.height}%`;
    style.width = `${(100 * box.width) / seen.width}%`;
    style.height = `${(100 * box.height) / seen.height}%`;
    for (const [place, button] of this.flips.entries())
      button.ariaPressed = String(turn.flip === ["horizontal", "vertical"][place]);
    const words = this.kept()
      ? `Keeps ${Math.round(box.width)} by ${Math.round(box.height)}`
      : "Keeps the whole picture";
    this.say.textContent = `${words} of ${seen.width} by ${seen.height} pixels`;
  }
}

function gripOf(target) {
  return target.classList.contains("grip") ? target.className.split(" ")[1] : "";
}
