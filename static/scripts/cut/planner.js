// The plan of a cut, worked out in the page from what was heard: the same steps as the server's `cut_plan.plan`, whose
// answer, on the picture's frames, replaces it. Times in milliseconds; ranges are [start, end] pairs.

// What `/videos/<id>/levels` sends: a line of JSON, then one byte a step, how many of the borders it reaches.
export function heard(buffer) {
  const bytes = new Uint8Array(buffer);
  const line = bytes.indexOf(10);
  return { ...JSON.parse(new TextDecoder().decode(bytes.subarray(0, line))), steps: bytes.subarray(line + 1) };
}

// The smallest byte of a step that reaches a level.
function least({ borders }, level) {
  const at = borders.findIndex((border) => border >= level);
  return at < 0 ? 256 : at + 1;
}

// Runs of steps that surely are sound, each with the soft edges that lead up to it and fade away from it.
function found({ steps, step_ms, duration_ms, reach }, sure, before, after) {
  const time = (place) => Math.min(place * step_ms, duration_ms);
  const clips = [];
  for (let at = 0; at < steps.length; at += 1) {
    if (steps[at] < sure) continue;
    let end = at + 1;
    let from = at;
    while (end < steps.length && steps[end] >= sure) end += 1;
    let to = end;
    while (from > Math.max(0, at - reach) && steps[from - 1] >= before) from -= 1;
    while (to < Math.min(steps.length, end + reach) && steps[to] >= after) to += 1;
    clips.push({ start: time(at), end: time(end), from: time(from), to: time(to) });
    at = end;
  }
  return clips;
}

// Close silences shorter than `least`, those at both ends of the recording too.
function absorb(clips, duration, least) {
  const joined = [];
  for (const clip of clips) {
    const last = joined.at(-1);
    if (clip.start - (last?.end ?? 0) >= least) joined.push({ ...clip });
    else if (last) Object.assign(last, { end: clip.end, to: clip.to });
    else joined.push({ ...clip, start: 0, from: 0 });
  }
  const last = joined.at(-1);
  if (last && duration - last.end < least && last.end < duration) last.end = last.to = duration;
  return joined;
}

export function merge(ranges) {
  const merged = [];
  for (const [start, end] of ranges) {
    const last = merged.at(-1);
    if (start >= end) continue;
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

export function gaps(ranges, duration) {
  const edges = [0, ...ranges.flat(), duration];
  const between = [];
  for (let at = 0; at < edges.length; at += 2) if (edges[at] < edges[at + 1]) between.push([edges[at], edges[at + 1]]);
  return between;
}

// What is kept around each sound; a shortened pause is shared as the margins share theirs.
function margins({ margin_before_ms: before, margin_after_ms: after, pauses, pause_ms: pause }) {
  if (pauses !== "shorten" || before + after >= pause) return [before, after];
  const share = before + after ? before / (before + after) : 1 / 2;
  return [pause * share, pause * (1 - share)];
}

// Between two kept ranges: what is shorter is not worth a cut.
function leastGap({ min_saving_ms: saving, pauses, speed }) {
  return pauses === "speed" ? (saving * speed) / (speed - 1) : saving;
}

// The ranges to keep, before they are moved to the picture's frames. Empty when nothing is loud enough.
export function plan(heard, duration, params) {
  const auto = params.threshold_db === "auto" || params.detector === "voice";
  const sure = auto ? heard.sure : params.threshold_db;
  if (sure === null) return [];
  const borders = auto ? [sure, heard.before, heard.after] : [sure, sure, sure];
  const clips = found(heard, ...borders.map((border) => least(heard, border)));
  // Soft words are longer than what surely is voice in them.
  const lasts = ({ start, end, from, to }) => (params.detector === "voice" ? to - from : end - start);
  const whole = absorb(clips, duration, params.min_silence_ms).filter((clip) => lasts(clip) >= params.min_clip_ms);
  const softened = merge(whole.map(({ from, to }) => [from, to])).map(([start, end]) => ({
    start,
    end,
    from: start,
    to: end,
  }));
  const [before, after] = margins(params);
  const widened = merge(
    absorb(softened, duration, params.min_silence_ms).map(({ start, end }) => [
      Math.max(0, start - before),
      Math.min(duration, end + after),
    ]),
  );
  return absorb(
    widened.map(([start, end]) => ({ start, end })),
    duration,
    leastGap(params),
  ).map(({ start, end }) => [start, end]);
}
