// What pointers do on a waveform: a press seeks, a second one in the same place acts on what lies there, a drag selects, on an
// edge it moves that, on the ruler the playhead, on the bar at the foot what is in view; two fingers or a wheel zoom.

const MOVED = 4; // CSS pixels from which a press is a drag
const TWICE_MS = 450;
const TWICE_PIXELS = 12;
const REACH = { mouse: 7, touch: 14 };

/**
 * The waveform's `hands` are called with what happens: seek(time), press(time), twice(time), select(start, end), grab(),
 * drag(edge, time), drop(), hover(time or null). Times are in seconds.
 * @param {any} wave
 */
export function listenTo(wave) {
  const pointers = new Map();
  const { canvas } = wave;
  let held = null;
  let last = null; // the press before this one
  const reach = (event) => REACH[event.pointerType] ?? REACH.touch;

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || !wave.duration) return;
    const point = place(canvas, event);
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, point);
    if (pointers.size === 2) {
      if (held?.edge) wave.hands.drop();
      held = { pinch: true, ...spread(pointers), view: wave.view };
      return;
    }
    held = { ...point, ...found(wave, point, reach(event)), view: wave.view, moved: false };
    if (held.edge) wave.hands.grab();
    if (held.ruler) wave.hands.seek(wave.time(point.x));
  });

  canvas.addEventListener("pointermove", (event) => {
    const point = place(canvas, event);
    if (!pointers.has(event.pointerId)) return hover(wave, point);
    pointers.set(event.pointerId, point);
    if (held?.pinch) return pinch(wave, held, pointers);
    held.moved ||= Math.abs(point.x - held.x) > MOVED;
    if (held.ruler) wave.hands.seek(wave.time(point.x));
    else if (held.edge) wave.hands.drag(held.edge, wave.time(point.x));
    else if (held.foot) wave.show(held.view.start + ((point.x - held.x) * wave.duration) / wave.width, wave.view.span);
    else if (held.moved) wave.hands.select(...ordered(wave.time(held.x), wave.time(point.x)));
  });

  const over = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (held?.edge) wave.hands.drop();
    else if (event.type === "pointerup" && !held.moved && !held.ruler && !held.pinch && !held.foot)
      last = pressed(wave, place(canvas, event), last);
    if (!pointers.size) held = null;
  };
  canvas.addEventListener("pointerup", over);
  canvas.addEventListener("pointercancel", over);
  canvas.addEventListener("pointerleave", () => wave.hands.hover(null));
  canvas.addEventListener("wheel", (event) => wheel(wave, event), { passive: false });
}

function place(canvas, event) {
  const { left, top } = canvas.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

// What lies below a hand.
function found(wave, point, reach) {
  const { RULER, FOOT } = wave.constructor;
  return {
    edge: wave.edge(point, reach),
    ruler: point.y < RULER,
    foot: !wave.whole && point.y > wave.depth - FOOT - reach / 2,
  };
}

const ordered = (one, other) => /** @type {[number, number]} */ (one < other ? [one, other] : [other, one]);

function spread(pointers) {
  const [one, other] = [...pointers.values()];
  return { apart: Math.max(8, Math.abs(one.x - other.x)), centre: (one.x + other.x) / 2 };
}

function pinch(wave, held, pointers) {
  if (pointers.size < 2) return;
  const { apart, centre } = spread(pointers);
  const span = (held.view.span * held.apart) / apart;
  wave.show(held.view.start + (held.centre * held.view.span) / wave.width - (centre * span) / wave.width, span);
}

// The press before the next one; none after two of them.
function pressed(wave, point, before) {
  if (!wave.list.length) return null;
  const now = performance.now();
  const isSecond = before && now - before.at < TWICE_MS && Math.abs(point.x - before.x) < TWICE_PIXELS;
  wave.hands[isSecond ? "twice" : "press"](wave.time(point.x));
  return isSecond ? null : { ...point, at: now };
}

function hover(wave, point) {
  const { ruler, edge, foot } = found(wave, point, REACH.mouse);
  wave.canvas.dataset.over = ruler ? "ruler" : edge ? "edge" : foot ? "foot" : "";
  wave.hands.hover(ruler ? null : wave.time(point.x));
}

// A wheel scrolls the page as everywhere, until the waveform has the focus or ctrl is held, as a pinch on a pad does.
function wheel(wave, event) {
  const unit = event.deltaMode ? 16 : 1;
  const across = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
  if (event.ctrlKey || (!event.shiftKey && Math.abs(event.deltaY) > Math.abs(event.deltaX))) {
    if (!event.ctrlKey && !wave.canvas.parentElement.contains(document.activeElement)) return;
    wave.zoom(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.002)), wave.time(place(wave.canvas, event).x));
  } else if (!wave.whole) wave.show(wave.view.start + (across * unit) / wave.scale, wave.view.span);
  else return;
  event.preventDefault();
}
