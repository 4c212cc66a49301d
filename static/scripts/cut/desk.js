// The cut plan on the page of a recording: what was heard, what of it stays, and hands that change it. Moving a slider
// draws the page's own plan at once; when the hand rests the server's, exact to the frame, takes its place. Ranges changed by
// hand are sent as they are. What is rendered is what was shown.
import { byId, targetOf } from "../lib/elements.js";
import { isAborted, patiently, post, problemOf } from "../lib/requests.js";
import { clock } from "../lib/times.js";
import { stage as player } from "../stage.js";
import { CutDraft } from "./draft.js";
import { CutForm } from "./form.js";
import * as cutlist from "./list.js";
import * as planner from "./planner.js";
import { CutPlayer } from "./playback.js";
import { CutQuote } from "./quote.js";
import { Waveform } from "./waveform.js";

const REST_MS = 250;
const AGAIN_MS = 1000;
const KEPT = 200;
const UNPLANNED = "The plan could not be made just now. Try again in a moment.";

export function openDesk(desk) {
  const by = (id) => byId(`cut-${id}`, HTMLElement);
  const button = (id) => byId(`cut-${id}`, HTMLButtonElement);
  const form = byId("cut-form", HTMLFormElement);
  const wave = by("wave");
  const { video, levels, plan: planned, quote: quotes, draft: drafts, drafted, jobs } = desk.dataset;
  const fields = new CutForm(form, by("auto"));
  const [frames, seconds = 1] = (player.element.dataset.frameRate ?? "50").split("/").map(Number);
  const cutDraft = new CutDraft(video, drafts, drafted, overtaken);
  const quote = new CutQuote(quotes, by("quote"));
  const NUDGE = seconds / frames || 0.04;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  let list = [];
  let duration = 0;
  let threshold = null;
  let byHand = false;
  let exact = false;
  let sending = false;
  let problem = "";
  let note = "";
  let chosen = -1;
  let selected = null; // [start, end] that a hand dragged over, in seconds
  let past = [];
  let future = [];
  let stroke = null;
  let unsaved = false; // cut by hand on this visit, and not rendered since
  let touched = false; // changed since it was taken up as it was kept
  const stays = (gone) => duration - cutlist.seconds(gone) * (1 - (fields.speed ? 1 / fields.speed : 0));
  const muting = () => !byHand && fields.pauses === "mute";

  // What was heard, by detector and track -------------------------------------------------------------------------------

  const heard = new Map();

  function listen(detector) {
    const address = `${levels}?${new URLSearchParams({ detector, track: fields.track })}`;
    if (!heard.has(address)) {
      const entry = { value: null, promise: measured(address) };
      heard.set(address, entry);
      entry.promise.then(
        (value) => {
          entry.value = value;
        },
        () => heard.delete(address),
      );
    }
    return heard.get(address);
  }

  async function measured(address) {
    const response = await patiently(() => fetch(address), busy);
    if (!response.ok) throw new Error(await said(response));
    return planner.heard(await response.arrayBuffer());
  }

  const said = (response) => problemOf(response, UNPLANNED);
  const busy = async (response) => say(await said(response));

  // The plan ------------------------------------------------------------------------------------------------------------

  // From the settings, in the page. Returns false while what it needs has not been heard yet.
  function draft() {
    const now = fields.settings();
    const { value, promise } = listen(now.detector);
    exact = false;
    byHand = false;
    problem = "";
    chosen = -1;
    selected = null;
    if (!value) {
      say(now.detector === "voice" ? "Listening for voices. The first time takes a while." : "Measuring the sound.");
      wave.setAttribute("aria-busy", "true");
      clearTimeout(timer);
      asked?.abort();
      answered = promise
        .then(heardOf, (error) => refused(error.message))
        .finally(() => wave.removeAttribute("aria-busy"));
      return false;
    }
    duration = Math.max(duration, value.duration_ms / 1000);
    const keep = planner.plan(value, duration * 1000, now).map((range) => range.map((ms) => ms / 1000));
    threshold = now.detector === "voice" ? null : now.threshold_db === "auto" ? value.sure : now.threshold_db;
    list = cutlist.of(keep, duration);
    return true;
  }

  // What had to be measured first is there; somebody may have chosen by hand meanwhile.
  function heardOf() {
    if (!byHand) change();
    return answered;
  }

  // The settings have changed: draw at once, ask when the hand rests.
  function change() {
    if (!draft()) return;
    show();
    rest();
  }

  let timer = 0;
  let asked = null;
  let answered = Promise.resolve();

  function rest() {
    clearTimeout(timer);
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    answered = new Promise((done) => {
      timer = setTimeout(() => ask(signal).finally(done), REST_MS);
      signal.addEventListener("abort", done);
    });
  }

  async function ask(signal) {
    const keep = cutlist.keep(list);
    const body = { params: byHand ? { ...fields.params(), keep } : fields.params() };
    if (byHand && !keep.length) return;
    try {
      const response = await patiently(() => post(planned, body, signal), busy);
      if (signal.aborted) return;
      if (!response.ok) return refused(await said(response));
      settle(await response.json());
    } catch (error) {
      if (!isAborted(error)) say("The server did not answer. The plan shown may be off by a frame.", "bad");
    }
  }

  function settle(answer) {
    exact = true;
    problem = "";
    threshold = answer.threshold_db ?? threshold;
    const one = list[chosen];
    if (!muting()) {
      list = cutlist.settled(list, answer.keep, answer.source_duration);
      if (one) chosen = cutlist.at(list, (one.start + one.end) / 2);
    } else if (answer.muted)
      list = cutlist.of(planner.gaps(answer.muted, answer.source_duration), answer.source_duration);
    duration = answer.source_duration;
    say(note);
    show();
    quote.ask(withRanges());
  }

  function refused(words) {
    problem = words;
    if (!byHand) list = cutlist.of([[0, duration]], duration);
    show();
    say(words, "bad");
  }

  // Undo: the settings and the ranges as they were before each change ----------------------------------------------------

  const moment = () => ({ list, byHand, chosen, values: fields.values() });

  // Keep what was, before a change of this kind; strokes of one kind in a row are one change, those without kind never.
  function keepPast(kind, before = moment()) {
    const now = performance.now();
    if (!kind || stroke?.kind !== kind || now - stroke.at > AGAIN_MS) {
      past = [...past.slice(-KEPT), before];
      future = [];
    }
    stroke = { kind, at: now };
  }

  function travel(from, to) {
    const there = from.pop();
    if (!there) return;
    to.push(moment());
    stroke = null;
    before = there.values;
    fields.restore(before);
    if (!there.byHand) return change();
    ({ list, byHand, chosen } = there);
    touched = true;
    exact = false;
    show();
    rest();
  }

  const undo = () => travel(past, future);
  const redo = () => travel(future, past);

  // What was cut by hand comes back with the page; giving it up can be undone.
  function takeUp(kept) {
    const values = new Map(
      fields.named.filter(({ name }) => name in kept.values).map((one) => [one, kept.values[one.name]]),
    );
    keepPast("");
    before = new Map([...fields.values(), ...values]);
    fields.restore(before);
    list = kept.list;
    byHand = true;
    touched = exact = false;
    by("back").hidden = false;
    show();
    rest();
  }

  // Somebody has changed the cuts in another window, while they were changed here.
  function overtaken(theirs) {
    if (!theirs) return cutDraft.keep(list, namedValues(), null); // they were given up there, but not here
    cutDraft.take(theirs);
    takeUp(theirs);
    note = "These cuts were changed in another window, and are shown as they are there. Undo brings back yours.";
    say(note);
  }

  function giveUp() {
    keepPast("");
    change();
  }

  // On leaving: it is kept, but only in this browser.
  addEventListener("beforeunload", (event) => {
    if (unsaved && byHand) event.preventDefault();
  });
  addEventListener("submit", (event) => {
    if (!event.defaultPrevented) unsaved = false;
  }); // to start other work, and back here

  // Hands on ranges -----------------------------------------------------------------------------------------------------

  function edit(kind, changed, then = chosen) {
    if (changed === list) return;
    if (muting()) return say("Muted pauses follow the settings. Choose “Out” to cut by hand.", "bad");
    keepPast(kind);
    list = changed;
    byHand = true;
    exact = false;
    problem = note = "";
    chosen = then;
    selected = null;
    unsaved = touched = true;
    show();
    rest();
  }

  function choose(place, seek = true) {
    if (!list.length) return;
    chosen = Math.max(0, Math.min(list.length - 1, place));
    const { start, end } = list[chosen];
    waveform.reveal(start, end);
    if (seek && player.paused) player.currentTime = start;
    show();
  }

  // To the next or the one before among the pauses.
  function join(step) {
    const from = chosen >= 0 ? chosen : cutlist.at(list, player.currentTime) + (step < 0 ? 1 : -1);
    for (let place = from + step; place >= 0 && place < list.length; place += step)
      if (!list[place].kept) return choose(place);
    if (chosen < 0) choose(from);
  }

  // What was dragged over goes, or all of it stays.
  function paint(kept) {
    const [start, end] = selected;
    const changed = cutlist.painted(list, start, end, kept);
    edit("", changed, cutlist.at(changed, (start + end) / 2));
  }

  function cutSelected() {
    if (selected) paint(false);
    else say("Drag over the waveform what is to go, then press Delete.");
  }

  function select(start, end) {
    selected = [start, end];
    chosen = -1;
    show();
  }

  // One end of what is selected, where the playhead is.
  function mark(which) {
    const now = player.currentTime;
    const [start, end] = selected ?? [now, now];
    const made = which ? [Math.min(start, now), now] : [now, Math.max(end, now)];
    select(made[0], made[1]);
  }

  const here = () => (chosen >= 0 ? chosen : cutlist.at(list, player.currentTime));
  const toggle = (place = here()) => list.length && edit("", cutlist.toggled(list, place), place);
  const toggleSelected = () => (selected ? paint(!cutlist.staysIn(list, selected[0], selected[1])) : toggle());
  const split = () => {
    edit("", cutlist.split(list, player.currentTime), cutlist.at(list, player.currentTime));
  };
  const nudge = (place, by) =>
    place > 0 && place < list.length && edit(`nudge ${place}`, cutlist.moved(list, place, list[place].start + by));

  function audition() {
    const gone = cutlist.gone(list);
    const place = here();
    const at = list[place];
    if (!gone.length) return;
    const join = gone.find(([, end]) => end > at.start + 1e-6) ?? gone.at(-1);
    cutPlayer.audition(join);
  }

  // What the page shows -------------------------------------------------------------------------------------------------

  function say(words, look = "soft", line = by("say")) {
    line.className = `small ${look}`;
    if (line.textContent !== words) line.textContent = words;
  }

  function fail(words) {
    problem = words;
    desk.dataset.state = "failed";
    say(words, "bad");
  }

  function named(place) {
    const one = list[place];
    if (!one) return "";
    const digits = 2;
    const pauses = list.filter(({ kept }) => !kept).length;
    const number = one.kept ? "" : ` ${list.slice(0, place + 1).filter(({ kept }) => !kept).length} of ${pauses}`;
    const what = one.kept ? "Kept" : `${muting() ? "Quiet" : fields.speed ? "Faster" : "Cut"}${number}`;
    return `${what}: ${clock(one.start, digits)} to ${clock(one.end, digits)}, ${(one.end - one.start).toFixed(digits)} s`;
  }

  // What is selected, or the stretch of a place.
  function tellOf(place) {
    const [start, end] = selected ?? [];
    const words = selected
      ? `Selected: ${clock(start, 2)} to ${clock(end, 2)}, ${(end - start).toFixed(2)} s. Delete cuts it.`
      : named(place) || "Drag over what is to go, then press Delete. A double click on a cut keeps it.";
    by("which").textContent = words;
  }

  function show() {
    desk.dataset.state = "ready";
    const quiet = muting();
    const { speed } = fields;
    const gone = cutlist.gone(list);
    const left = stays(gone);
    const saved = quiet ? 0 : duration - left;
    const kept = list.some((one) => one.kept);
    const cuts = `${gone.length} ${gone.length === 1 ? "cut" : "cuts"}`;
    const pauses = `${gone.length} ${gone.length === 1 ? "pause" : "pauses"}`;
    const what = speed ? `${pauses} ${speed} times as fast` : cuts;
    const digits = duration < 120 ? 1 : 0;
    by("saved").textContent = clock(saved, digits);
    by("sum").textContent = quiet
      ? `${pauses} without sound, ${clock(duration, digits)} stays`
      : `of ${clock(duration, digits)}: ${what}, ${clock(left, digits)} stays`;
    by("hand").hidden = !byHand;
    if (!byHand) by("back").hidden = true;
    remember();
    tellOf(chosen);
    const goes = selected ? cutlist.staysIn(list, selected[0], selected[1]) : list[here()]?.kept;
    by("toggle").textContent = goes ? (speed ? "Speed it up" : "Cut it") : "Keep it";
    const bar = /** @type {HTMLProgressElement} */ (by("left"));
    [bar.max, bar.value] = [duration || 1, quiet ? duration : left];
    button("undo").disabled = !past.length;
    button("redo").disabled = !future.length;
    button("render").disabled = sending || Boolean(problem && !byHand) || (!quiet && (!kept || !gone.length));
    wave.setAttribute("aria-valuemax", duration.toFixed(2));
    wave.setAttribute("aria-valuenow", (list[chosen]?.start ?? player.currentTime).toFixed(2));
    wave.setAttribute(
      "aria-valuetext",
      chosen >= 0 ? named(chosen) : `${what}, ${clock(left)} of ${clock(duration)} stays`,
    );
    desk.dataset.exact = String(exact);
    Object.assign(waveform, { list, chosen, selected, level: threshold, speed });
    if (waveform.duration !== duration) waveform.extend(duration);
    waveform.draw();
    cutPlayer.set(gone, { quiet, speed });
    fields.follow(threshold, byHand);
  }

  const waveform = new Waveform(wave.querySelector("canvas"), {
    seek: (time) => {
      player.currentTime = time;
      waveform.playhead = time;
      waveform.draw();
    },
    press: (time) => {
      wave.focus({ preventScroll: true });
      player.currentTime = time;
      const place = cutlist.at(list, time);
      chosen = list[place].kept ? -1 : place;
      selected = null;
      show();
    },
    twice: (time) => {
      const place = cutlist.at(list, time);
      if (!list[place].kept) toggle(place);
    },
    select,
    grab: () => {
      stroke = null;
    },
    drag: (place, time) => edit(`drag ${place}`, cutlist.moved(list, place, time), chosen >= 0 ? chosen : place),
    drop: () => {
      stroke = null;
    },
    hover: (time) => {
      const place = time === null ? chosen : cutlist.at(list, time);
      tellOf(place);
    },
    view: () => {
      button("all").disabled = button("out").disabled = waveform.whole;
    },
  });

  const cutPlayer = new CutPlayer(player, () => by("play").setAttribute("aria-pressed", "false"));

  function playCut() {
    cutPlayer.turn(!cutPlayer.on);
    by("play").setAttribute("aria-pressed", String(cutPlayer.on));
  }

  // The playhead, as often as the page is drawn while it plays.
  function head() {
    const { start, span } = waveform.view;
    const time = player.currentTime;
    if (time === waveform.playhead) return;
    waveform.playhead = time;
    if (!player.paused && !waveform.whole && time > start + span && time < start + 2 * span)
      waveform.show(time - span * 0.05, span);
    waveform.draw();
  }
  let following = 0;
  function follow() {
    head();
    following = player.paused ? 0 : requestAnimationFrame(follow);
  }
  player.addEventListener("play", () => {
    if (!following) follow();
  });
  for (const name of ["seeking", "seeked", "timeupdate"]) player.addEventListener(name, head);
  follow();

  // A while after the last change, since a drag makes many.
  let remembering = 0;
  function remember() {
    clearTimeout(remembering);
    remembering = setTimeout(remembered, REST_MS);
  }
  let isOpen = false;
  const namedValues = () => Object.fromEntries([...fields.values()].map(([{ name }, value]) => [name, value]));
  function remembered() {
    clearTimeout(remembering);
    if (!isOpen) return; // what was kept is not known yet
    if (!byHand) cutDraft.drop();
    else if (touched) cutDraft.keep(list, namedValues());
  }
  addEventListener("pagehide", () => {
    if (!byHand || !unsaved) return;
    remembered();
    cutDraft.send();
  });

  // What was kept, and what somebody kept elsewhere, with the own as the step before.
  function reopen({ ours, theirs }) {
    isOpen = true;
    if (ours) takeUp(ours);
    if (theirs && ours) overtaken(theirs);
    else if (theirs) {
      cutDraft.take(theirs);
      takeUp(theirs);
    } else if (ours?.unsent) cutDraft.resend(ours);
  }

  const withRanges = () => {
    const keep = cutlist.keep(list).map((range) => range.map((time) => Number(time.toFixed(6))));
    return muting() ? fields.params() : { ...fields.params(), keep };
  };

  // Rendering it --------------------------------------------------------------------------------------------------------

  const tell = (words, look) => say(words, look, by("sent"));

  form.addEventListener("submit", async (event) => {
    if (desk.dataset.state !== "ready") return; // without a plan the form does what it does without script
    event.preventDefault();
    sending = true;
    show();
    try {
      if (!exact) tell("Fitting the cuts to frames.");
      for (let waited = null; !exact && waited !== answered; ) {
        waited = answered;
        await waited;
      }
      if (problem && !byHand) return tell("");
      const response = await post(jobs, { video, operation: "silence-cut", params: withRanges() });
      if (!response.ok) return tell(await said(response), "bad");
      tell("Started. It moves among the versions above.");
      unsaved = false;
      document.getElementById("jobs").scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
    } catch {
      tell("The server did not answer. Try again in a moment.", "bad");
    } finally {
      sending = false;
      show();
      if (document.activeElement === document.body) by("render").focus({ preventScroll: true }); // it was off meanwhile
    }
  });

  // Controls ------------------------------------------------------------------------------------------------------------

  let before = fields.values();

  form.addEventListener("input", (event) => {
    const target = /** @type {HTMLInputElement} */ (event.target);
    const slides = target.dataset?.slides;
    const preset = target.dataset?.presets;
    const kind = slides ?? target.id;
    fields.take(target);
    if (preset) return fields.fill(JSON.parse(preset));
    if (fields.isBeside(target)) {
      show(); // what was chosen by hand stays
      return rest();
    }
    if (byHand && fields.isPace(target)) {
      keepPast(`set ${kind}`, { list, byHand, chosen, values: before });
      before = fields.values();
      touched = true;
      exact = false;
      show();
      return rest();
    }
    note = byHand ? "The new settings replaced your cuts. Undo brings them back." : "";
    keepPast(`set ${kind}`, { list, byHand, chosen, values: before });
    before = fields.values();
    change();
  });
  by("auto").addEventListener("click", () => fields.fill({ threshold_db: "auto" }));

  const presses = {
    undo,
    redo,
    anew: giveUp,
    play: playCut,
    prev: () => join(-1),
    next: () => join(1),
    toggle: toggleSelected,
    split,
    hear: audition,
    in: () => waveform.zoom(2, focusOf()),
    out: () => waveform.zoom(1 / 2, focusOf()),
    all: () => waveform.show(0, duration),
  };
  for (const [name, does] of Object.entries(presses)) by(name).addEventListener("click", () => does());

  // Zooming by button keeps what one looks at in view.
  function focusOf() {
    const one = list[chosen];
    const time = one ? (one.start + one.end) / 2 : player.currentTime;
    const { start, span } = waveform.view;
    return time >= start && time <= start + span ? time : start + span / 2;
  }

  const keys = {
    "[": () => join(-1),
    "]": () => join(1),
    u: undo,
    U: redo,
    s: split,
    j: audition,
    c: playCut,
    i: () => mark(0),
    o: () => mark(1),
    "+": presses.in,
    "=": presses.in,
    "-": presses.out,
    0: presses.all,
  };
  const onSelected = { Delete: cutSelected, Backspace: cutSelected };
  const onWave = {
    ...onSelected,
    Enter: toggleSelected,
    ArrowRight: (event) => nudge(here() + (event.shiftKey ? 0 : 1), NUDGE),
    ArrowLeft: (event) => nudge(here() + (event.shiftKey ? 0 : 1), -NUDGE),
    Home: () => choose(0),
    End: () => choose(list.length - 1),
    Escape: () => {
      chosen = -1;
      selected = null;
      show();
    },
  };

  addEventListener(
    "keydown",
    (event) => {
      const typing = targetOf(event).closest(
        "select, textarea, dialog, [popover], [data-stage], input:not([type=range], [type=radio], [type=checkbox])",
      );
      const again = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.altKey;
      if (typing || event.altKey || ((event.ctrlKey || event.metaKey) && !again)) return;
      const does = again
        ? event.shiftKey
          ? redo
          : undo
        : (event.target === wave && onWave[event.key]) || (selected && onSelected[event.key]) || keys[event.key];
      if (!does || !list.length) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      does(event);
    },
    true,
  );

  // From the start ------------------------------------------------------------------------------------------------------

  desk.dataset.state = "loading";
  say("Measuring the sound. A long recording takes a few seconds, once.");
  const first = listen("loudness");
  const kept = cutDraft.open();
  first.promise.then(
    async (value) => {
      duration = Math.max(value.duration_ms / 1000, Number(desk.dataset.seconds));
      waveform.load(value);
      waveform.extend(duration);
      say("");
      change();
      reopen(await kept);
    },
    (error) => fail(error.message),
  );
}
