// A cut as a list of stretches, one after the other over the whole recording: [{start, end, kept}], in seconds. What a
// hand does to it makes a new list, so that undoing is going back to the old one. Neighbours of one kind stay apart: what
// was kept by a click can be cut again by another.
import { merge } from "./planner.js";

const SHORTEST = 0.02;

export function of(keep, duration) {
  const made = [];
  const add = (start, end, kept) => {
    if (end - start > 1e-6) made.push({ start, end, kept });
  };
  let position = 0;
  for (const [start, end] of keep) {
    add(position, start, false);
    add(start, end, true);
    position = end;
  }
  add(position, duration, false);
  return made;
}

export const keep = (list) => merge(list.filter(({ kept }) => kept).map(({ start, end }) => [start, end]));
export const gone = (list) => merge(list.filter(({ kept }) => !kept).map(({ start, end }) => [start, end]));
export const seconds = (ranges) => ranges.reduce((sum, [start, end]) => sum + end - start, 0);

// The place of the stretch in which a time lies.
export function at(list, time) {
  let low = 0;
  let high = list.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (list[middle].start <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

export const toggled = (list, place) => list.map((one, other) => (other === place ? { ...one, kept: !one.kept } : one));

// With edge `place` (between the stretch of that place and the one before) moved, as far as its neighbours let it.
export function moved(list, place, time) {
  const stop = Math.max(list[place - 1].start + SHORTEST, Math.min(list[place].end - SHORTEST, time));
  return list.map((one, other) =>
    other === place - 1 ? { ...one, end: stop } : other === place ? { ...one, start: stop } : one,
  );
}

export function split(list, time) {
  const place = at(list, time);
  const { start, end, kept } = list[place];
  if (time - start < SHORTEST || end - time < SHORTEST) return list;
  return list.toSpliced(place, 1, { start, end: time, kept }, { start: time, end, kept });
}

// With a range cut or kept as one stretch, whatever lay in it; what would be left beside it too short to hear goes with it.
export function painted(list, start, end, kept) {
  const borders = list.flatMap((one) => [one.start, one.end]);
  const near = (time) => borders.find((border) => Math.abs(border - time) < SHORTEST) ?? time;
  const [from, to] = [near(start), near(end)];
  if (to - from < SHORTEST) return list;
  const before = list.filter((one) => one.start < from).map((one) => ({ ...one, end: Math.min(one.end, from) }));
  const after = list.filter((one) => one.end > to).map((one) => ({ ...one, start: Math.max(one.start, to) }));
  return [...before, { start: from, end: to, kept }, ...after];
}

// Whether anything of a range stays.
export const staysIn = (list, start, end) => list.some((one) => one.kept && one.start < end && one.end > start);

// With its borders where the server's exact ranges have them. Edges inside one kind of stretch stay as they are.
export function settled(list, exact, duration) {
  const borders = list.slice(1).flatMap((one, place) => (one.kept !== list[place].kept ? [place + 1] : []));
  const wanted = of(exact, duration)
    .slice(1)
    .map(({ start }) => start);
  if (borders.length !== wanted.length) return of(exact, duration);
  const result = list.map((one) => ({ ...one }));
  result.at(-1).end = duration;
  borders.forEach((place, number) => {
    result[place].start = result[place - 1].end = wanted[number];
  });
  return result.every(({ start, end }) => start < end) ? result : of(exact, duration);
}
