// The mark of a watermark on a picture of the recording: dragged, sized, moved by arrow keys. When the hand rests, the
// picture that the engine draws takes its place.
import { element } from "../lib/elements.js";
import { Preview } from "../preview.js";
import { Fields } from "./fields.js";
import { held, keyed } from "./hands.js";
import { fromFields, sized, snapped, toFields } from "./mark.js";
import { Picture } from "./picture.js";

const NEAR = 10; // CSS pixels from which a place attracts
const TYPING_MS = 250;
const HANDLES = ["nw", "ne", "sw", "se"];

/**
 * @param {HTMLElement} place
 * @param {HTMLFormElement} form
 */
export function open(place, form) {
  new MarkStage(place, form);
}

class MarkStage {
  constructor(place, form) {
    this.place = place;
    this.fields = new Fields(form);
    this.picture = new Picture(place);
    this.aspect = 0; // width by height of what is laid over; 0 while there is nothing
    this.image = element("img", { alt: "", draggable: false });
    this.mark = element("button", { type: "button", className: "mark", hidden: true }, this.image);
    this.mark.ariaLabel = "The mark: drag it, or move it with the arrow keys and size it with + and −";
    this.say = element("output", { className: "small soft num" });
    this.picture.over.append(this.mark);
    this.picture.frame.after(this.say);
    for (const corner of HANDLES) this.mark.append(element("i", { className: `grip ${corner}` }));
    this.image.addEventListener("load", () => this.loaded());
    this.image.addEventListener("error", () => this.lost());
    held(this.mark, {
      grab: (event) => ({ box: this.box(), grip: gripOf(event.target), corner: this.fields.text("corner") }),
      drag: (hold, x, y, { altKey }) => this.drag(hold, x * this.picture.scale, y * this.picture.scale, altKey),
      drop: () => this.place.classList.remove("held"),
    });
    keyed(this.mark, (right, down) => this.step(right, down), {
      "+": () => this.grow(1),
      "=": () => this.grow(1),
      "-": () => this.grow(-1),
    });
    this.fields.follow(() => this.follow());
    new Preview(place, () => Boolean(this.wanted));
  }

  get frame() {
    return { width: this.picture.width, height: this.picture.height };
  }

  box() {
    return fromFields(this.fields, this.frame, this.aspect);
  }

  // What is laid over, from an image or a text; the page has it drawn as the engine does.
  follow() {
    const id = this.fields.text("image");
    const text = this.fields.text("text").trim();
    const { images, mark } = this.place.dataset;
    const wanted = id ? `${images}/${id}/file` : text ? `${mark}?${new URLSearchParams({ text })}` : "";
    if (wanted !== this.wanted) {
      this.wanted = wanted;
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.take(wanted), this.aspect && !id ? TYPING_MS : 0);
    }
    this.show();
  }

  take(address) {
    if (address) this.image.src = address;
    else this.lost();
  }

  loaded() {
    this.aspect = this.image.naturalWidth / this.image.naturalHeight;
    this.show();
  }

  lost() {
    this.aspect = 0;
    this.show();
  }

  show() {
    const box = this.aspect ? this.box() : null;
    this.mark.hidden = !box;
    if (!box) return this.tell("");
    const { width, height } = this.frame;
    const { style } = this.mark;
    style.left = `${(100 * box.x) / width}%`;
    style.top = `${(100 * box.y) / height}%`;
    style.width = `${(100 * box.width) / width}%`;
    style.height = `${(100 * box.height) / height}%`;
    this.image.style.opacity = String(this.fields.number("opacity", 1));
    this.tell(inWords(this.fields, box, this.frame));
  }

  tell(words) {
    if (this.say.textContent !== words) this.say.textContent = words;
  }

  // With Alt held it goes where the hand goes, and nothing attracts it.
  drag({ box, grip, corner }, x, y, isFree) {
    this.place.classList.add("held");
    if (grip) return this.put(sized(box, grip, x, y, this.frame), corner);
    const wanted = { ...box, x: box.x + x, y: box.y + y };
    this.put(isFree ? wanted : snapped(wanted, this.frame, NEAR * this.picture.scale));
  }

  step(right, down) {
    const box = this.box();
    const far = Math.max(1, Math.round(this.frame.width / 100));
    this.put({ ...box, x: box.x + right * far, y: box.y + down * far });
  }

  grow(steps) {
    const scale = this.fields.number("scale", 0.2) + steps / 100;
    this.fields.write({ scale: Math.min(1, Math.max(0.01, Number(scale.toFixed(3)))) });
  }

  put(box, corner) {
    this.fields.write(toFields(box, this.frame, corner));
  }
}

function gripOf(target) {
  return target.classList.contains("grip") ? HANDLES.find((one) => target.classList.contains(one)) : "";
}

function inWords(fields, box, { width, height }) {
  const share = `${Math.round((100 * box.width) / width)} % wide`;
  const corner = fields.text("corner") || "top-left";
  if (corner === "center") return `${share}, around the centre`;
  const side = corner.endsWith("left") ? [box.x, "left"] : [width - box.x - box.width, "right"];
  const end = corner.startsWith("top") ? [box.y, "top"] : [height - box.y - box.height, "bottom"];
  return `${share}, ${Math.round(side[0])} px from the ${side[1]}, ${Math.round(end[0])} px from the ${end[1]}`;
}
