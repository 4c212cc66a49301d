// Cuts made by hand are kept, and come back with the page; giving them up can be undone.
import { CutDraft } from "./draft.js";

const REST_MS = 250;

export class Keeping {
  #timer = 0;
  #isOpen = false;

  constructor(desk, { video, draft, drafted }) {
    this.desk = desk;
    this.draft = new CutDraft(video, draft, drafted, (theirs) => this.#overtaken(theirs));
    addEventListener("beforeunload", (event) => this.#warn(event));
    addEventListener("submit", (event) => this.#left(event));
    addEventListener("pagehide", () => this.#send());
  }

  // What was kept, and what somebody kept elsewhere, with the own as the step before.
  async open(kept) {
    const { ours, theirs } = await kept;
    this.#isOpen = true;
    if (ours) this.#takeUp(ours);
    if (theirs && ours) this.#overtaken(theirs);
    else if (theirs) {
      this.draft.take(theirs);
      this.#takeUp(theirs);
    } else if (ours?.unsent) this.draft.resend(ours);
  }

  #takeUp({ list, values }) {
    const { cut, fields, past } = this.desk;
    const known = fields.named.filter(({ name }) => name in values).map((one) => [one, values[one.name]]);
    past.keep("");
    past.restore(new Map([...fields.values(), .../** @type {[any, any][]} */ (known)]));
    Object.assign(cut, { list, byHand: true, touched: false });
    this.desk.by("back").hidden = false;
    this.desk.changed();
  }

  // Somebody has changed the cuts in another window, while they were changed here.
  #overtaken(theirs) {
    const { cut, board } = this.desk;
    if (!theirs) return this.draft.keep(cut.list, this.#values, null); // they were given up there, but not here
    this.draft.take(theirs);
    this.#takeUp(theirs);
    cut.note = "These cuts were changed in another window, and are shown as they are there. Undo brings back yours.";
    board.say(cut.note);
  }

  giveUp() {
    this.desk.past.keep("");
    this.desk.plan.change();
  }

  get #values() {
    return Object.fromEntries([...this.desk.fields.values()].map(([{ name }, value]) => [name, value]));
  }

  // A while after the last change, since a drag makes many.
  later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#keep(), REST_MS);
  }

  #keep() {
    const { cut } = this.desk;
    clearTimeout(this.#timer);
    if (!this.#isOpen) return; // what was kept is not known yet
    if (!cut.byHand) this.draft.drop();
    else if (cut.touched) this.draft.keep(cut.list, this.#values);
  }

  // On leaving: it is kept, but only in this browser.
  #warn(event) {
    if (this.desk.cut.unsaved && this.desk.cut.byHand) event.preventDefault();
  }

  // To start other work, and back here.
  #left(event) {
    if (!event.defaultPrevented) this.desk.cut.unsaved = false;
  }

  #send() {
    if (!this.desk.cut.byHand || !this.desk.cut.unsaved) return;
    this.#keep();
    this.draft.send();
  }
}
