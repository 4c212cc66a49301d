// Undo: the settings and the ranges as they were before each change.
const AGAIN_MS = 1000;
const KEPT = 200;

export class Past {
  #before = [];
  #after = [];
  #stroke = null; // the kind of the last change, and when it was
  #isHeld = false; // by a hand that has not let go: one change, however long it rests on the way

  constructor(desk) {
    this.desk = desk;
    this.values = desk.fields.values(); // the settings before the change that comes next
  }

  get isBegun() {
    return this.#before.length > 0;
  }

  get isUndone() {
    return this.#after.length > 0;
  }

  #moment(values) {
    const { list, byHand, chosen } = this.desk.cut;
    return { list, byHand, chosen, values };
  }

  // Keep what was, before a change of this kind; strokes of one kind in a row are one change, those without kind never.
  keep(kind, values = this.desk.fields.values()) {
    const now = performance.now();
    const goesOn = this.#isHeld || (this.#stroke && now - this.#stroke.at <= AGAIN_MS);
    if (!kind || this.#stroke?.kind !== kind || !goesOn) {
      this.#before = [...this.#before.slice(-KEPT), this.#moment(values)];
      this.#after = [];
    }
    this.#stroke = { kind, at: now };
  }

  // The same for a change of the settings, which have their new values already.
  keepSettings(kind) {
    this.keep(`set ${kind}`, this.values);
    this.values = this.desk.fields.values();
  }

  // What comes next is a change of its own; while it is held, all that comes of one kind.
  endStroke({ isHeld = false } = {}) {
    this.#stroke = null;
    this.#isHeld = isHeld;
  }

  undo() {
    this.#travel(this.#before, this.#after);
  }

  redo() {
    this.#travel(this.#after, this.#before);
  }

  #travel(from, to) {
    const there = from.pop();
    if (!there) return;
    to.push(this.#moment(this.desk.fields.values()));
    this.endStroke();
    this.restore(there.values);
    if (!there.byHand) return this.desk.plan.change();
    const { list, byHand, chosen } = there;
    Object.assign(this.desk.cut, { list, byHand, chosen, touched: true });
    this.desk.changed();
  }

  // The settings as they were at some time.
  restore(values) {
    this.values = values;
    this.desk.fields.restore(values);
  }
}
