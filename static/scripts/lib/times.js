// Times as people read them, the same as the server says them (`jobs/templatetags/words.py`).

/**
 * Rounded: 3 → 0:03, 4682 → 1:18:02, 4682.44 → 1:18:02.4 with one digit.
 * @param {number} seconds
 */
export function clock(seconds, digits = 0) {
  const ticks = Math.round(seconds * 10 ** digits);
  const whole = Math.floor(ticks / 10 ** digits);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60].slice(whole >= 3600 ? 0 : 1);
  const words = parts.map((part, place) => (place ? String(part).padStart(2, "0") : part)).join(":");
  return digits ? `${words}.${String(ticks % 10 ** digits).padStart(digits, "0")}` : words;
}

/**
 * Where in a recording something is, as players say it: whole seconds that have gone by, 3.9 → 0:03.
 * @param {number} seconds
 */
export function moment(seconds) {
  return clock(Math.floor(seconds));
}

/**
 * A length of time in words: 18 s, 4 min, 1 h 5 min.
 * @param {number} seconds
 */
export function span(seconds) {
  if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
