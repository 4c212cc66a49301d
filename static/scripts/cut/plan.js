// The plan of the settings: the page's own at once, the server's, exact to the frame, when the hand rests.
import { isAborted, patiently, post } from "../lib/requests.js";
import * as planner from "./planner.js";
import { said } from "./said.js";

const REST_MS = 250;

export class CutPlan {
  #timer = 0;
  #asked = null;

  constructor(desk, address) {
    this.desk = desk;
    this.address = address;
    this.answered = Promise.resolve(); // when all that was asked so far has an answer
  }

  // The settings have changed: draw at once, ask when the hand rests.
  change() {
    if (!this.#draft()) return;
    this.desk.show();
    this.rest();
  }

  // From the settings, in the page. Returns false while what it needs has not been heard yet.
  #draft() {
    const { cut, fields, heard } = this.desk;
    const now = fields.settings();
    const { value, promise } = heard.listen(now.detector, fields.track);
    Object.assign(cut, { exact: false, byHand: false, problem: "" });
    cut.letGo();
    if (!value) {
      this.#await(now.detector, promise);
      return false;
    }
    cut.duration = Math.max(cut.duration, value.duration_ms / 1000);
    cut.threshold = now.detector === "voice" ? null : now.threshold_db === "auto" ? value.sure : now.threshold_db;
    cut.show(planner.plan(value, cut.duration * 1000, now).map((range) => range.map((ms) => ms / 1000)));
    return true;
  }

  #await(detector, promise) {
    const { board, wave } = this.desk;
    board.say(detector === "voice" ? "Listening for voices. The first time takes a while." : "Measuring the sound.");
    wave.setAttribute("aria-busy", "true");
    clearTimeout(this.#timer);
    this.#asked?.abort();
    this.answered = promise
      .then(
        () => this.#heardOf(),
        (error) => this.#refused(error.message),
      )
      .finally(() => wave.removeAttribute("aria-busy"));
  }

  // What had to be measured first is there; somebody may have chosen by hand meanwhile.
  #heardOf() {
    if (!this.desk.cut.byHand) this.change();
    return this.answered;
  }

  // Ask the server, unless another change comes soon.
  rest() {
    clearTimeout(this.#timer);
    this.#asked?.abort();
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    this.answered = new Promise((done) => {
      this.#timer = setTimeout(() => this.#ask(signal).finally(() => done(null)), REST_MS);
      signal.addEventListener("abort", done);
    });
  }

  async #ask(signal) {
    const { cut, board } = this.desk;
    const params = cut.wanted;
    if (cut.byHand && !params.keep.length) return;
    try {
      const response = await patiently(() => post(this.address, { params }, signal), board.busy);
      if (signal.aborted) return;
      if (!response.ok) return this.#refused(await said(response));
      this.#settle(await response.json());
    } catch (error) {
      if (!isAborted(error)) board.say("The server did not answer. The plan shown may be off by a frame.", "bad");
    }
  }

  #settle(answer) {
    const { cut, board, quote } = this.desk;
    cut.settle(answer);
    board.say(cut.note);
    this.desk.show();
    quote.ask(cut.params);
  }

  #refused(words) {
    const { cut, board } = this.desk;
    cut.problem = words;
    if (!cut.byHand) cut.show([[0, cut.duration]]);
    this.desk.show();
    board.say(words, "bad");
  }
}
