// One file on its way to the server: its row in the list, and its upload, which goes on by itself after a break and, with the
// same file chosen again, after a reload.
import { ask } from "../ask.js";
import { element, iconOf } from "../lib/elements.js";
import { jsonOf, post } from "../lib/requests.js";
import { size } from "../lib/sizes.js";
import { span } from "../lib/times.js";
import { Broken, base64, call, check, Held, Refused, Unclear } from "./tus.js";

// Under which uploads that are not through are kept in the browser.
export const PREFIX = `upload:${document.body.dataset.account}:`;

/** @param {string} icon its name */
export function button(words, about, icon, does) {
  const made = element("button", { className: "button quiet icon", type: "button" });
  made.addEventListener("click", does);
  turnButton(made, words, about, icon);
  return made;
}

function turnButton(button, words, about, icon) {
  if (button.title === words) return;
  button.title = words;
  button.ariaLabel = `${words}: ${about}`;
  button.replaceChildren(iconOf(icon));
}

export class Transfer {
  // `site`: the list for its row, the address of uploads, chunk and limit in bytes, and what to call when its state turned,
  // when it is gone, and when another file is to be chosen in its place.
  constructor(file, site) {
    this.site = site;
    this.file = file;
    this.key = `${PREFIX}${file.name}:${file.size}:${file.lastModified}`;
    /** @type {string} */
    this.state = "chosen"; // then waiting, sending, paused, broken, checking; done or failed at the end
    this.offset = 0;
    this.run = 0;
    this.work = ""; // what to do with it, as the form says it
    this.draw();
    if (!file.size) this.fail("This file is empty. Choose another one.");
    else if (file.size > site.limit)
      this.fail(`This file has ${size(file.size)}; the limit is ${size(site.limit)}. Choose a smaller one.`);
  }

  get kept() {
    return JSON.parse(localStorage.getItem(this.key) ?? "null");
  }
  isIn(...states) {
    return states.includes(this.state);
  }
  get isOpen() {
    return !this.isIn("done", "failed");
  }
  get isBusy() {
    return this.isIn("waiting", "sending", "broken", "checking");
  }

  draw() {
    const { name, type, size: bytes } = this.file;
    const kind = element("span", { className: "soft" }, iconOf(type.startsWith("audio/") ? "wave" : "film"));
    this.bar = element("progress", { max: bytes || 1, value: 0, ariaLabel: name });
    this.words = element("span", { className: "soft small num clip says" });
    this.trouble = element("p", { className: "bad small trouble", role: "alert" });
    this.other = element("button", { className: "button small", type: "button", hidden: true }, "Choose another");
    this.other.addEventListener("click", () => this.site.replace(this));
    this.hold = button("Pause", name, "pause", () => (this.state === "paused" ? this.resume() : this.pause()));
    this.hold.hidden = true;
    this.drop = button("Remove", name, "close", () => this.giveUp());
    const acts = element("span", { className: "row close acts" }, this.other, this.hold, this.drop);
    const called = element("b", { className: "clip", dir: "auto", title: name }, name);
    this.row = element("li", { className: "coming" }, kind, called, this.bar, this.words, acts, this.trouble);
    this.site.list.append(this.row);
    this.say(size(this.file.size) + (this.kept ? ", goes on where it stopped" : ""));
  }

  say(words) {
    this.words.textContent = words;
  }

  show() {
    const { state, file, offset } = this;
    const of = `${size(offset)} of ${size(file.size)}`;
    const pace = this.pace();
    this.bar.hidden = state === "failed";
    this.bar.value = offset;
    this.bar.classList.toggle("done", state === "done");
    this.bar.classList.toggle("near", this.isIn("paused", "broken"));
    this.words.classList.toggle("warn", this.isIn("paused", "broken"));
    this.hold.hidden = !this.isIn("waiting", "sending", "broken", "paused");
    const [act, icon] = state === "paused" ? ["Go on", "play"] : ["Pause", "pause"];
    turnButton(this.hold, act, file.name, icon);
    this.drop.hidden = this.isIn("done", "checking");
    this.other.hidden = state !== "failed";
    turnButton(this.drop, this.isIn("done", "failed") ? "Remove" : "Cancel", file.name, "close");
    this.say(
      {
        waiting: `${size(file.size)}, waiting its turn`,
        sending: pace ? `${of}, ${size(pace)}/s, ${span((file.size - offset) / pace)} left` : of,
        paused: `${of}, paused`,
        broken: `${of}, connection lost, trying again`,
        checking: "All there, being checked",
        done: `${size(file.size)}, uploaded`,
        failed: size(file.size),
      }[state],
    );
  }

  // Bytes a second over the last ten seconds; 0 while that says nothing: at first only buffers on the way fill up.
  pace() {
    const now = performance.now();
    this.marks = [...(this.marks ?? []), [now, this.offset]].filter(([at]) => now - at < 10000);
    const [[since, from]] = this.marks;
    return now - since < 2000 || this.offset <= from ? 0 : ((this.offset - from) * 1000) / (now - since);
  }

  turn(state) {
    this.state = state;
    this.show();
    this.site.turned();
  }

  async send() {
    if (!this.isIn("waiting")) return;
    this.run += 1;
    const { run } = this; // after a pause another run takes over
    this.turn("sending");
    for (let tries = 0; run === this.run && this.isIn("sending"); ) {
      const from = this.offset;
      try {
        await this.push();
        return;
      } catch (error) {
        if (run === this.run && this.isIn("paused")) this.show(); // the piece under way does not count
        if (run !== this.run || this.isIn("paused", "gone")) return;
        if (error instanceof Refused) return this.fail(error.message);
        if (error instanceof Unclear) return this.end(error.message);
        if (error instanceof Held) return this.wait(error.message);
        if (!(error instanceof Broken)) throw error;
        tries = this.offset > from ? 0 : tries + 1;
        this.marks = [];
        this.turn("broken");
        await pause(Math.min(30000, 500 * 2 ** tries) * (0.75 + Math.random() / 2));
        if (run === this.run && this.isIn("broken")) this.turn("sending");
      }
    }
  }

  // All that is still missing. Throws Broken and Refused.
  async push() {
    await this.locate();
    while (this.offset < this.file.size) {
      if (!this.isIn("sending")) return;
      const start = this.offset;
      const piece = this.file.slice(start, start + this.site.chunk);
      const isLast = start + piece.size === this.file.size;
      const headers = { "Upload-Offset": start, "Content-Type": "application/offset+octet-stream" };
      if (this.ordered !== this.work) headers["Upload-Metadata"] = this.workFacts; // other ticks than the first time
      const request = await call("PATCH", this.url, headers, piece, {
        start: (sent) => {
          this.request = sent;
        },
        progress: (loaded) => {
          this.offset = start + loaded;
          if (isLast && loaded === piece.size) this.state = "checking";
          this.show();
        },
      }).catch((error) => {
        // how much arrived is asked again
        this.offset = start;
        if (this.state === "checking") this.state = "sending";
        throw error;
      });
      if (request.status === 404) {
        this.forget();
        this.state = "sending";
        throw new Broken();
      }
      if (request.status !== 204) {
        this.offset = start;
        if (this.state === "checking") this.state = "sending";
      }
      check(request, 204);
      if (this.ordered !== this.work && !isLast) this.keep();
      this.offset = Number(request.getResponseHeader("Upload-Offset"));
      this.video = request.getResponseHeader("Video-Id");
      this.show();
    }
    this.arrived();
  }

  // Where the upload is on the server, from the last time or new.
  async locate() {
    const kept = this.kept;
    this.url ??= kept?.url;
    this.ordered = kept?.work;
    if (this.url) {
      const request = await call("HEAD", this.url);
      if (request.status === 200) {
        this.offset = Number(request.getResponseHeader("Upload-Offset"));
        this.video = request.getResponseHeader("Video-Id");
        return;
      }
      if ([404, 410].includes(request.status))
        this.forget(); // it is over there
      else if (request.status === 415)
        throw new Refused("The server could not work with this recording. Choose another one.");
      else if (request.status === 507)
        throw new Held(
          "The server has too little room or memory to go on. What arrived so far is kept: make room, or ask the operator to, then go on.",
        );
      else check(request);
    }
    const facts = `kind ${base64("recording")},filename ${base64(this.file.name)},${this.workFacts}`;
    const request = check(
      await call("POST", this.site.uploads, { "Upload-Length": this.file.size, "Upload-Metadata": facts }),
      201,
    );
    this.url = request.getResponseHeader("Location");
    this.offset = 0;
    this.keep();
  }

  arrived() {
    this.forget();
    this.offset = this.file.size;
    this.turn("done");
  }

  keep() {
    this.ordered = this.work;
    localStorage.setItem(
      this.key,
      JSON.stringify({ url: this.url, name: this.file.name, size: this.file.size, work: this.work }),
    );
  }

  forget() {
    localStorage.removeItem(this.key);
    this.url = undefined;
    this.offset = 0;
  }

  // Paused by the server, which said why.
  wait(words) {
    this.trouble.textContent = words;
    this.turn("paused");
  }

  pause() {
    this.turn("paused");
    this.request?.abort();
  }

  resume() {
    this.marks = [];
    this.trouble.textContent = "";
    this.turn("waiting");
  }

  fail(words) {
    this.forget();
    this.end(words);
  }

  end(words) {
    this.trouble.textContent = words;
    this.turn("failed");
    this.row.scrollIntoView({ block: "nearest" });
    if (document.activeElement === document.body) this.other.focus(); // the button that was pressed has gone
  }

  // Whether the very file seems to be here: {id, title}, or undefined. Its content would take as long to read as to send.
  async find() {
    const query = new URLSearchParams({ size: String(this.file.size), limit: "100" });
    const answer = await fetch(`/api/v1/videos?${query}`).then(
      (got) => (got.ok ? jsonOf(got) : null),
      () => null,
    );
    return answer?.items.find(({ name }) => name === this.file.name);
  }

  // Ticks, and a saved chain where one is named.
  get workFacts() {
    return `work ${base64(this.work)},pipeline ${base64(new URLSearchParams(this.work).get("pipeline") ?? "")}`;
  }

  // Have the work done with the recording that is here, and send nothing.
  async use({ id }) {
    this.video = id;
    const work = new URLSearchParams(this.work);
    const chain = work.get("pipeline");
    if (chain || work.has("operations")) {
      const [to, fields] = chain ? ["chain", new URLSearchParams({ chain })] : ["run", work];
      const answer = await post(`/videos/${id}/${to}/`, fields).catch(() => null);
      if (!answer?.ok)
        return this.end(
          "The work could not be started on the recording that is here. Open it in the library and start it there.",
        );
    }
    this.arrived();
  }

  // What arrived of it would be gone.
  async giveUp() {
    const words = `${size(this.offset)} of “${this.file.name}” have arrived and will be thrown away.`;
    if (!this.isOpen || !this.offset || (await ask("Cancel this upload?", words, "Cancel it", "Go on")) === "yes")
      this.discard();
  }

  discard() {
    // One that failed may have been chosen again, and then goes on in another row.
    const url = this.isOpen ? (this.url ?? this.kept?.url) : undefined;
    if (this.isOpen) this.forget();
    this.state = "gone";
    this.request?.abort();
    this.row.remove();
    if (url) call("DELETE", url).catch(() => {}); // the server forgets it by itself in the end
    this.site.gone(this);
  }
}

// Waits, but not longer than until the connection is back.
function pause(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
    addEventListener("online", resolve, { once: true });
  });
}
