// What a hand is at: a stretch of the list that is chosen, or a range that was dragged over.
import * as cutlist from "./list.js";

export class Selection {
  constructor(desk) {
    this.desk = desk;
  }

  // The place that keys and buttons mean: the chosen one, or the one under the playhead.
  get here() {
    const { cut, player } = this.desk;
    return cut.chosen >= 0 ? cut.chosen : cutlist.at(cut.list, player.currentTime);
  }

  // The middle of what one looks at, for zooming by button.
  get focus() {
    const { cut, player, waveform } = this.desk;
    const one = cut.list[cut.chosen];
    const time = one ? (one.start + one.end) / 2 : player.currentTime;
    const { start, span } = waveform.view;
    return time >= start && time <= start + span ? time : start + span / 2;
  }

  choose(place) {
    const { cut, player, waveform } = this.desk;
    if (!cut.list.length) return;
    cut.chosen = Math.max(0, Math.min(cut.list.length - 1, place));
    const { start, end } = cut.list[cut.chosen];
    waveform.reveal(start, end);
    if (player.paused) player.currentTime = start;
    this.desk.show();
  }

  // To the next or the one before among the pauses.
  join(step) {
    const { cut, player } = this.desk;
    const { list, chosen } = cut;
    const from = chosen >= 0 ? chosen : cutlist.at(list, player.currentTime) + (step < 0 ? 1 : -1);
    for (let place = from + step; place >= 0 && place < list.length; place += step)
      if (!list[place].kept) return this.choose(place);
    if (chosen < 0) this.choose(from);
  }

  // Where a pointer pressed: only what goes is chosen by that.
  press(time) {
    const { cut } = this.desk;
    const place = cutlist.at(cut.list, time);
    cut.chosen = cut.list[place].kept ? -1 : place;
    cut.selected = null;
    this.desk.show();
  }

  select(start, end) {
    const { cut } = this.desk;
    cut.selected = [start, end];
    cut.chosen = -1;
    this.desk.show();
  }

  // One end of what is selected, where the playhead is.
  mark(isEnd) {
    const now = this.desk.player.currentTime;
    const [start, end] = this.desk.cut.selected ?? [now, now];
    if (isEnd) this.select(Math.min(start, now), now);
    else this.select(now, Math.max(end, now));
  }

  none() {
    this.desk.cut.letGo();
    this.desk.show();
  }
}
