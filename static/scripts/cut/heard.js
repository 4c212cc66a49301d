// What was heard of the recording, by detector and track. Each is asked for once.
import { patiently } from "../lib/requests.js";
import * as planner from "./planner.js";
import { said } from "./said.js";

export class Heard {
  #found = new Map();

  // `busy` is called with an answer that says that it takes a while.
  constructor(levels, busy) {
    this.levels = levels;
    this.busy = busy;
  }

  // {value, promise}; the value is null until it has been measured.
  listen(detector, track) {
    const address = `${this.levels}?${new URLSearchParams({ detector, track })}`;
    if (!this.#found.has(address)) {
      const entry = { value: null, promise: this.#measured(address) };
      this.#found.set(address, entry);
      entry.promise.then(
        (value) => {
          entry.value = value;
        },
        () => this.#found.delete(address),
      );
    }
    return this.#found.get(address);
  }

  async #measured(address) {
    const response = await patiently(() => fetch(address), this.busy);
    if (!response.ok) throw new Error(await said(response));
    return planner.heard(await response.arrayBuffer());
  }
}
