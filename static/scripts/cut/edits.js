// What hands do to the stretches of a cut.
import * as cutlist from "./list.js";

export class Edits {
  constructor(desk) {
    this.desk = desk;
  }

  // With a changed list in the place of what was; `kind` as undoing has it.
  edit(kind, list, chosen = this.desk.cut.chosen) {
    const { cut, board, past } = this.desk;
    if (list === cut.list) return;
    if (cut.isMuting) return board.say("Muted pauses follow the settings. Choose “Out” to cut by hand.", "bad");
    past.keep(kind);
    Object.assign(cut, { list, chosen, byHand: true, selected: null, problem: "", note: "" });
    cut.unsaved = cut.touched = true;
    this.desk.changed();
  }

  // What was dragged over goes, or all of it stays.
  #paint(kept) {
    const { list, selected } = this.desk.cut;
    const [start, end] = selected;
    const changed = cutlist.painted(list, start, end, kept);
    this.edit("", changed, cutlist.at(changed, (start + end) / 2));
  }

  cutSelected() {
    if (this.desk.cut.selected) this.#paint(false);
    else this.desk.board.say("Drag over the waveform what is to go, then press Delete.");
  }

  toggle(place = this.desk.selection.here) {
    const { list } = this.desk.cut;
    if (list.length) this.edit("", cutlist.toggled(list, place), place);
  }

  toggleSelected() {
    const { list, selected } = this.desk.cut;
    if (selected) this.#paint(!cutlist.staysIn(list, selected[0], selected[1]));
    else this.toggle();
  }

  // A pointer restores what goes, and never cuts.
  restoreAt(time) {
    const { list } = this.desk.cut;
    const place = cutlist.at(list, time);
    if (!list[place].kept) this.toggle(place);
  }

  split() {
    const { cut, player } = this.desk;
    const time = player.currentTime;
    this.edit("", cutlist.split(cut.list, time), cutlist.at(cut.list, time));
  }

  nudge(place, seconds) {
    const { list } = this.desk.cut;
    if (place > 0 && place < list.length)
      this.edit(`nudge ${place}`, cutlist.moved(list, place, list[place].start + seconds));
  }

  drag(place, time) {
    const { list, chosen } = this.desk.cut;
    this.edit(`drag ${place}`, cutlist.moved(list, place, time), chosen >= 0 ? chosen : place);
  }
}
