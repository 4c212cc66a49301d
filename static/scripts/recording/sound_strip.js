// How loud a recording is over its length, as a small picture: bars from the levels that the service has measured.
import { patiently } from "../lib/requests.js";

const FLOOR_DB = -60;
const PITCH = 3; // CSS pixels from bar to bar
const known = new Map(); // by address

async function fetched(address) {
  const response = await patiently(
    () => fetch(address),
    async () => {},
  );
  if (!response.ok) return null;
  const { heard } = await import("../cut/planner.js");
  return heard(await response.arrayBuffer());
}

// What was heard, null where it cannot be told.
export function levels(address) {
  if (!known.has(address))
    known.set(
      address,
      fetched(address).catch(() => null),
    );
  return known.get(address);
}

// Fit the canvas to its place, in pixels of the screen. Tells whether it has one.
export function fit(canvas) {
  const scale = Math.min(devicePixelRatio, 2);
  [canvas.width, canvas.height] = [canvas.clientWidth * scale, canvas.clientHeight * scale];
  return canvas.width > 0;
}

export async function drawSound(canvas, address) {
  const found = await levels(address);
  if (!found || !fit(canvas)) return false;
  const { steps, borders } = found;
  const pen = canvas.getContext("2d");
  const pitch = (PITCH * canvas.width) / canvas.clientWidth;
  const count = Math.floor(canvas.width / pitch);
  const middle = canvas.height / 2;
  pen.strokeStyle = getComputedStyle(canvas).color;
  pen.lineWidth = pitch * 0.66;
  pen.lineCap = "round";
  pen.beginPath();
  for (let at = 0; at < count; at += 1) {
    const [from, to] = [at, at + 1].map((one) => Math.floor((one * steps.length) / count));
    const byte = steps.subarray(from, Math.max(to, from + 1)).reduce((sum, one) => Math.max(sum, one), 0);
    const level = byte ? borders[byte - 1] : FLOOR_DB;
    const half = Math.max(pitch / 3, (Math.min(1, Math.max(0, 1 - level / FLOOR_DB)) * (canvas.height - pitch)) / 2);
    pen.moveTo((at + 0.5) * pitch, middle - half);
    pen.lineTo((at + 0.5) * pitch, middle + half);
  }
  pen.stroke();
  return true;
}
