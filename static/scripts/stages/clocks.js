// Times in fields, as people write them and the server reads them: 65.5 or 1:05.5.
import { clock } from "../lib/times.js";

const CLOCK = /^(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)$/;

/**
 * Exact to a thousandth: 65.5 → 1:05.5.
 * @param {number} seconds
 */
export function written(seconds) {
  return clock(seconds, 3).replace(/\.?0+$/, "");
}

/**
 * Seconds, null for nothing and for what is no time.
 * @param {string} text
 */
export function read(text) {
  const [, hours = 0, minutes = 0, rest] = CLOCK.exec(text.trim()) ?? [];
  return rest === undefined ? null : Number(hours) * 3600 + Number(minutes) * 60 + Number(rest);
}

/**
 * Those of a list with commas, ascending, without what is no time.
 * @param {string} text
 */
export function readAll(text) {
  const found = text.split(/[,;\s]+/).map(read);
  return [...new Set(found.filter((time) => time !== null))].sort((one, other) => one - other);
}
