// The cut as it is shown now. All parts of the desk read it; each field says who writes it.
import * as cutlist from "./list.js";
import * as planner from "./planner.js";

export class CutState {
  // What was planned (plan.js), or made by hand (edits.js), as `list.js` has it; in seconds.
  list = [];
  duration = 0;
  threshold = null; // the level in dBFS that “auto” stands for, null for none
  byHand = false;
  exact = false; // whether it is the server's, to the frame
  problem = "";
  note = ""; // what is said beside an exact plan

  // Where a hand is (selection.js).
  chosen = -1; // the place of a stretch in the list
  selected = null; // [start, end] that was dragged over, in seconds

  // Whether it would be lost (keeping.js).
  unsaved = false; // cut by hand on this visit, and not rendered since
  touched = false; // changed since it was taken up as it was kept

  sending = false; // to be rendered (rendering.js)

  constructor(fields) {
    this.fields = fields;
  }

  get gone() {
    return cutlist.gone(this.list);
  }

  // Muted pauses follow the settings: nothing goes.
  get isMuting() {
    return !this.byHand && this.fields.pauses === "mute";
  }

  // How many seconds are left.
  get left() {
    const { speed } = this.fields;
    return this.duration - cutlist.seconds(this.gone) * (1 - (speed ? 1 / speed : 0));
  }

  // All ranges, as the server is told them.
  get params() {
    const keep = cutlist.keep(this.list).map((range) => range.map((time) => Number(time.toFixed(6))));
    return this.isMuting ? this.fields.params() : { ...this.fields.params(), keep };
  }

  // What the server plans: of the settings, or of the ranges that a hand has made.
  get wanted() {
    return this.byHand ? { ...this.fields.params(), keep: cutlist.keep(this.list) } : this.fields.params();
  }

  // A hand lets go of all it was at.
  letGo() {
    this.chosen = -1;
    this.selected = null;
  }

  // With ranges in place of all others.
  show(keep) {
    this.list = cutlist.of(keep, this.duration);
  }

  // The server's plan takes the place of the page's.
  settle(answer) {
    const one = this.list[this.chosen];
    this.exact = true;
    this.problem = "";
    this.threshold = answer.threshold_db ?? this.threshold;
    this.duration = answer.source_duration;
    if (!this.isMuting) {
      this.list = cutlist.settled(this.list, answer.keep, answer.source_duration);
      if (one) this.chosen = cutlist.at(this.list, (one.start + one.end) / 2);
    } else if (answer.muted) this.show(planner.gaps(answer.muted, answer.source_duration));
  }
}
