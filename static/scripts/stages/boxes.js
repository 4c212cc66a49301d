// Boxes in a picture, {x, y, width, height}, and what turning and flipping the picture does to them. A picture is turned
// clockwise by 0, 90, 180 or 270 degrees and then flipped, as the engine does it (`convert/framing.py`).

/**
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @typedef {{width: number, height: number}} Size
 * @typedef {{rotate: number, flip: string}} Turn `flip` is "none", "horizontal" or "vertical"
 */

const clamp = (value, least, most) => Math.max(least, Math.min(most, value));

/**
 * @param {Size} size
 * @param {Turn} turn
 */
export function turnedSize({ width, height }, { rotate }) {
  return rotate % 180 ? { width: height, height: width } : { width, height };
}

/**
 * Where a box of a picture lies once that is turned and flipped.
 * @param {Box} box
 * @param {Size} size of the picture before
 * @param {Turn} turn
 * @returns {Box}
 */
export function turned({ x, y, width, height }, size, { rotate, flip }) {
  const far = size.width - x - width;
  const deep = size.height - y - height;
  const made = {
    0: { x, y, width, height },
    90: { x: deep, y: x, width: height, height: width },
    180: { x: far, y: deep, width, height },
    270: { x: y, y: far, width: height, height: width },
  }[rotate];
  return flipped(made, turnedSize(size, { rotate, flip }), flip);
}

/**
 * The other way: where a box of the turned picture lies in the one before.
 * @param {Box} box
 * @param {Size} size of the picture before it was turned
 * @param {Turn} turn
 */
export function unturned(box, size, { rotate, flip }) {
  const across = turnedSize(size, { rotate, flip });
  return turned(flipped(box, across, flip), across, { rotate: (360 - rotate) % 360, flip: "none" });
}

function flipped(box, size, flip) {
  if (flip === "horizontal") return { ...box, x: size.width - box.x - box.width };
  if (flip === "vertical") return { ...box, y: size.height - box.y - box.height };
  return box;
}

/**
 * The largest middle part of an aspect, its sides even.
 * @param {number} aspect width by height
 * @param {Size} size
 * @returns {Box}
 */
export function middle(aspect, size) {
  const even = (side) => Math.max(2, Math.floor(side) & ~1);
  const width = even(Math.min(size.width, size.height * aspect));
  const height = even(Math.min(size.height, size.width / aspect));
  return { x: (size.width - width) >> 1, y: (size.height - height) >> 1, width, height };
}

/**
 * With an edge or a corner (n, se and so on) moved; the ones across stay. It keeps inside of the picture, and an aspect
 * where one is asked for.
 * @param {Box} box
 * @param {string} grip
 * @param {number} right
 * @param {number} down
 * @param {Size} size
 * @param {number} aspect 0 for any
 * @param {number} least pixels a side
 */
export function stretched(box, grip, right, down, size, aspect, least) {
  const [isWest, isNorth] = [grip.includes("w"), grip.includes("n")];
  const [far, deep] = [box.x + box.width, box.y + box.height];
  const room = { width: isWest ? far : size.width - box.x, height: isNorth ? deep : size.height - box.y };
  let width = clamp(box.width + sway(grip, "w", "e", right), least, room.width);
  let height = clamp(box.height + sway(grip, "n", "s", down), least, room.height);
  if (aspect) {
    const byWidth = grip.length === 2 ? width / aspect > height : /[ew]/.test(grip);
    width = Math.min(byWidth ? width : height * aspect, room.width, room.height * aspect);
    height = width / aspect;
  }
  return { x: isWest ? far - width : box.x, y: isNorth ? deep - height : box.y, width, height };
}

// How much longer a side becomes when its end is moved.
function sway(grip, before, after, by) {
  return grip.includes(before) ? -by : grip.includes(after) ? by : 0;
}

/**
 * @param {Box} box
 * @param {Size} size
 * @returns {Box} as large, and inside of the picture
 */
export function inside(box, size) {
  return {
    ...box,
    x: clamp(box.x, 0, size.width - box.width),
    y: clamp(box.y, 0, size.height - box.height),
  };
}

/**
 * In whole pixels, its sides even, as no picture is encoded with others.
 * @param {Box} box
 * @param {Size} size
 * @returns {Box}
 */
export function whole(box, size) {
  const even = (side, most) => Math.min(Math.round(side / 2) * 2, most & ~1);
  const [width, height] = [even(box.width, size.width), even(box.height, size.height)];
  return inside({ x: Math.round(box.x), y: Math.round(box.y), width, height }, size);
}
