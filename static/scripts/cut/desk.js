// The cut plan on the page of a recording: what was heard, what of it stays, and hands that change it. Moving a slider
// draws the page's own plan at once; when the hand rests the server's, exact to the frame, takes its place. Ranges changed by
// hand are sent as they are. What is rendered is what was shown.
import { byId } from "../lib/elements.js";
import { stage as player } from "../stage.js";
import { Board } from "./board.js";
import { Edits } from "./edits.js";
import { CutForm } from "./form.js";
import { Heard } from "./heard.js";
import { Keeping } from "./keeping.js";
import { listenForKeys } from "./keys.js";
import * as cutlist from "./list.js";
import { Past } from "./past.js";
import { CutPlan } from "./plan.js";
import { CutPlayer } from "./playback.js";
import { followPlayhead } from "./playhead.js";
import { CutQuote } from "./quote.js";
import { renderFrom } from "./rendering.js";
import { Selection } from "./selection.js";
import { followSettings } from "./settings.js";
import { CutState } from "./state.js";
import { Waveform } from "./waveform.js";

export function openDesk(element) {
  new Desk(element).open();
}

// Its parts hold on to it, and find each other by it.
export class Desk {
  player = player;
  by = (id) => byId(`cut-${id}`, HTMLElement);
  button = (id) => byId(`cut-${id}`, HTMLButtonElement);

  constructor(element) {
    const { dataset } = element;
    this.element = element;
    this.form = byId("cut-form", HTMLFormElement);
    this.wave = this.by("wave");
    this.fields = new CutForm(this.form, this.by("auto"));
    this.cut = new CutState(this.fields);
    this.board = new Board(this);
    this.heard = new Heard(dataset.levels, this.board.busy);
    this.plan = new CutPlan(this, dataset.plan);
    this.quote = new CutQuote(dataset.quote, this.by("quote"));
    this.past = new Past(this);
    this.selection = new Selection(this);
    this.edits = new Edits(this);
    this.keeping = new Keeping(this, dataset);
    this.waveform = new Waveform(this.wave.querySelector("canvas"), this.#hands());
    this.playback = new CutPlayer(player, () => this.by("play").setAttribute("aria-pressed", "false"));
    followPlayhead(player, this.waveform);
    renderFrom(this, dataset);
    followSettings(this);
    listenForKeys(this);
  }

  async open() {
    this.element.dataset.state = "loading";
    this.board.say("Measuring the sound. A long recording takes a few seconds, once.");
    const kept = this.keeping.draft.open();
    const heard = await this.heard
      .listen("loudness", this.fields.track)
      .promise.catch(({ message }) => this.board.fail(message));
    if (!heard) return;
    this.#load(heard);
    await this.keeping.open(kept);
  }

  #load(heard) {
    this.cut.duration = Math.max(heard.duration_ms / 1000, Number(this.element.dataset.seconds));
    this.waveform.load(heard);
    this.waveform.extend(this.cut.duration);
    this.board.say("");
    this.plan.change();
  }

  // The length of a frame.
  get frameSeconds() {
    const [frames, seconds = 1] = (player.element.dataset.frameRate ?? "50").split("/").map(Number);
    return seconds / frames || 0.04;
  }

  // The cut is another one than the server has planned.
  changed() {
    this.cut.exact = false;
    this.show();
    this.plan.rest();
  }

  show() {
    const { list, chosen, selected, threshold, duration, gone, isMuting, byHand } = this.cut;
    const { speed } = this.fields;
    this.keeping.later();
    this.board.show();
    Object.assign(this.waveform, { list, chosen, selected, level: threshold, speed });
    if (this.waveform.duration !== duration) this.waveform.extend(duration);
    this.waveform.draw();
    this.playback.set(gone, { quiet: isMuting, speed });
    this.fields.follow(threshold, byHand);
  }

  playCut() {
    this.playback.turn(!this.playback.on);
    this.by("play").setAttribute("aria-pressed", String(this.playback.on));
  }

  // What will be heard around the join that comes next.
  audition() {
    const { gone, list } = this.cut;
    const at = list[this.selection.here];
    if (gone.length) this.playback.audition(gone.find(([, end]) => end > at.start + 1e-6) ?? gone.at(-1));
  }

  // What pointers do on the waveform: see gestures.js.
  #hands() {
    const seek = (time) => {
      player.currentTime = time;
    };
    return {
      seek: (time) => {
        seek(time);
        this.waveform.playhead = time;
        this.waveform.draw();
      },
      press: (time) => {
        this.wave.focus({ preventScroll: true });
        seek(time);
        this.selection.press(time);
      },
      twice: (time) => this.edits.restoreAt(time),
      select: (start, end) => this.selection.select(start, end),
      grab: () => this.past.endStroke({ isHeld: true }),
      drag: (place, time) => this.edits.drag(place, time),
      drop: () => this.past.endStroke(),
      hover: (time) => this.board.tellOf(time === null ? this.cut.chosen : cutlist.at(this.cut.list, time)),
      view: () => {
        this.button("all").disabled = this.button("out").disabled = this.waveform.whole;
      },
    };
  }
}
