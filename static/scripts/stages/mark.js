// Where a mark lies in a picture, as the engine's `overlay.upright_rectangle` has it, and back: what the fields have to say
// for it to lie there. All in pixels of the recording; boxes are {x, y, width, height}.

export const MARGIN = 10;
const SMALLEST = 0.01; // of the picture's width

const clamp = (value, least, most) => Math.max(least, Math.min(most, value));

/**
 * @param {{text: (name: string) => string, number: (name: string, otherwise: number) => number}} fields of its form
 * @param {{width: number, height: number}} frame
 * @param {number} aspect of the mark, width by height
 * @returns null where the distances leave no room for it
 */
export function fromFields(fields, frame, aspect) {
  const corner = fields.text("corner") || "top-left";
  const isCentred = corner === "center";
  const [right, down] = ["x_offset", "y_offset"].map((name) => fields.number(name, isCentred ? 0 : MARGIN));
  const across = frame.width - (isCentred ? 2 * Math.abs(right) : right);
  const along = frame.height - (isCentred ? 2 * Math.abs(down) : down);
  if (Math.min(across, along) < 1) return null;
  const width = Math.min(fields.number("scale", 0.2) * frame.width, across, along * aspect);
  const height = width / aspect;
  if (isCentred) return { x: (frame.width - width) / 2 + right, y: (frame.height - height) / 2 + down, width, height };
  return {
    x: corner.endsWith("left") ? right : frame.width - width - right,
    y: corner.startsWith("top") ? down : frame.height - height - down,
    width,
    height,
  };
}

/**
 * The values of the fields for a box: from the corner that is nearest, or the one that is named; the middle is the centre.
 * @param {{x: number, y: number, width: number, height: number}} box
 * @param {{width: number, height: number}} frame
 * @param {string} [corner]
 */
export function toFields(box, frame, corner = "") {
  const x = clamp(box.x, 0, frame.width - box.width);
  const y = clamp(box.y, 0, frame.height - box.height);
  const [left, top] = [frame.width - box.width - x, frame.height - box.height - y];
  const scale = Number(clamp(box.width / frame.width, 0.005, 1).toFixed(3));
  if (corner === "center" || (!corner && Math.abs(left - x) < 1 && Math.abs(top - y) < 1))
    return { corner: "center", x_offset: Math.round((x - left) / 2), y_offset: Math.round((y - top) / 2), scale };
  const isLeft = corner ? corner.endsWith("left") : x <= left;
  const isTop = corner ? corner.startsWith("top") : y <= top;
  return {
    corner: `${isTop ? "top" : "bottom"}-${isLeft ? "left" : "right"}`,
    x_offset: Math.round(isLeft ? x : left),
    y_offset: Math.round(isTop ? y : top),
    scale,
  };
}

/**
 * Drawn to the margins, beyond them too, and to the middle where it is nearer than `near` pixels.
 * @param {{x: number, y: number, width: number, height: number}} box
 * @param {{width: number, height: number}} frame
 * @param {number} near
 */
export function snapped(box, frame, near) {
  const settle = (value, room) => {
    if (room < 2 * MARGIN) return value;
    if (value < MARGIN + near) return MARGIN;
    if (value > room - MARGIN - near) return room - MARGIN;
    return Math.abs(value - room / 2) < near ? room / 2 : value;
  };
  return { ...box, x: settle(box.x, frame.width - box.width), y: settle(box.y, frame.height - box.height) };
}

/**
 * With one of its corners (nw, ne, sw, se) moved and the one across kept; it keeps its aspect and stays in the picture.
 * @param {{x: number, y: number, width: number, height: number}} box
 * @param {string} grip
 * @param {number} right
 * @param {number} down
 * @param {{width: number, height: number}} frame
 */
export function sized(box, grip, right, down, frame) {
  const aspect = box.width / box.height;
  const [isWest, isNorth] = [grip.includes("w"), grip.includes("n")];
  const [far, deep] = [box.x + box.width, box.y + box.height];
  const room = Math.min(isWest ? far : frame.width - box.x, (isNorth ? deep : frame.height - box.y) * aspect);
  const wish = [box.width + (isWest ? -right : right), (box.height + (isNorth ? -down : down)) * aspect];
  const width = clamp((wish[0] + wish[1]) / 2, SMALLEST * frame.width, room);
  const height = width / aspect;
  return { x: isWest ? far - width : box.x, y: isNorth ? deep - height : box.y, width, height };
}
