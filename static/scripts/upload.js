// Sends recordings in pieces (tus 1.0.0): two at a time, each with its own bar, going on by itself after a break and, with
// the same file chosen again, after a reload.
(() => {
  "use strict";
  const form = document.getElementById("upload");
  const picker = document.getElementById("id_file");
  const list = document.getElementById("files");
  const send = document.getElementById("send");
  const unfinished = document.getElementById("unfinished");
  const CHUNK = Number(form.dataset.chunk), LIMIT = Number(form.dataset.limit), AT_ONCE = 2;
  const PREFIX = `upload:${document.body.dataset.account}:`;
  const token = form.elements.csrfmiddlewaretoken.value;
  const transfers = [];

  // Words -------------------------------------------------------------------------------------------------------------

  function size(bytes) {
    const units = ["bytes", "KB", "MB", "GB", "TB"];
    let at = 0;
    while (Math.round(bytes) >= 1000 && at < 4) { bytes /= 1024; at += 1; }
    return `${at && bytes < 9.95 ? bytes.toFixed(1).replace(".0", "") : Math.round(bytes)} ${units[at]}`;
  }

  function span(seconds) {
    if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }

  function element(tag, className, text) {
    const made = document.createElement(tag);
    made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  function button(words, about, does) {
    const made = element("button", "button quiet", words);
    made.type = "button";
    made.setAttribute("aria-label", `${words}: ${about}`);
    made.addEventListener("click", does);
    return made;
  }

  // The protocol ------------------------------------------------------------------------------------------------------

  class Refused extends Error {} // these bytes: no use in going on
  class Unclear extends Error {} // what is to be done with them; the bytes may go on once that is mended
  class Held extends Error {} // something else has to happen first; what arrived is kept
  class Broken extends Error {} // another try can help

  // One request; resolves to the XMLHttpRequest (which reports the progress of a body, as fetch does not).
  function call(method, url, headers = {}, body = null, hooks = {}) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open(method, url);
      request.setRequestHeader("Tus-Resumable", "1.0.0");
      request.setRequestHeader("X-CSRFToken", token);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.onload = () => resolve(request);
      request.onerror = request.ontimeout = () => reject(new Broken());
      request.onabort = () => reject(new Broken());
      if (hooks.progress) request.upload.onprogress = (event) => hooks.progress(event.loaded);
      hooks.start?.(request);
      request.send(body);
    });
  }

  // All but Broken is told to the person, in the server's words where it has some.
  function check(request, ...fine) {
    if (fine.includes(request.status)) return request;
    if ([0, 409, 423, 460, 502, 503, 504].includes(request.status)) throw new Broken();
    if (request.status === 401 || request.status === 403) throw new Held("You are signed out. Sign in again, then choose the same file: it goes on where it stopped.");
    let words = "";
    try { words = JSON.parse(request.responseText).error.message; } catch { /* not one of our answers */ }
    if (request.status === 429) throw new Held(words || "That was too much at once. Wait a moment, then go on.");
    if (request.status >= 500) throw new Held(words || "The server is in trouble. What arrived so far is kept: try again later, or tell the operator.");
    throw new (request.status === 422 ? Unclear : Refused)(words || "The server did not take this file. Try again, or tell the operator.");
  }

  const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

  function work() {
    const fields = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "csrfmiddlewaretoken");
    return new URLSearchParams(fields).toString();
  }

  // One file ----------------------------------------------------------------------------------------------------------

  class Transfer {
    constructor(file) {
      this.file = file;
      this.key = `${PREFIX}${file.name}:${file.size}:${file.lastModified}`;
      this.state = "chosen"; // then waiting, sending, paused, broken, checking; done or failed at the end
      this.offset = 0;
      this.draw();
      if (!file.size) this.fail("This file is empty. Choose another one.");
      else if (file.size > LIMIT) this.fail(`This file has ${size(file.size)}; the limit is ${size(LIMIT)}. Choose a smaller one.`);
    }

    get kept() { return JSON.parse(localStorage.getItem(this.key) ?? "null"); }
    get isOpen() { return !["done", "failed"].includes(this.state); }
    get isBusy() { return ["waiting", "sending", "broken", "checking"].includes(this.state); }

    draw() {
      this.row = element("li", "card pad moving");
      const text = element("div", "grow"), top = element("div", "top");
      this.bar = element("progress", "");
      this.bar.max = this.file.size || 1;
      this.bar.value = 0;
      this.bar.setAttribute("aria-label", this.file.name);
      this.bar.hidden = true;
      this.words = element("span", "soft small num");
      this.trouble = element("p", "bad small");
      this.trouble.setAttribute("role", "alert");
      top.append(element("b", "clip", this.file.name), this.words);
      text.append(top, this.bar, this.trouble);
      this.hold = button("Pause", this.file.name, () => (this.state === "paused" ? this.resume() : this.pause()));
      this.hold.hidden = true;
      this.drop = button("Remove", this.file.name, () => this.giveUp());
      const acts = element("div", "acts row");
      acts.append(this.hold, this.drop);
      this.row.append(text, acts);
      list.append(this.row);
      this.say(size(this.file.size) + (this.kept ? ", goes on where it stopped" : ""));
    }

    say(words) { this.words.textContent = words; }

    show() {
      const { state, file, offset } = this;
      const of = `${size(offset)} of ${size(file.size)}`;
      const pace = this.pace();
      this.bar.hidden = state === "failed";
      this.bar.value = offset;
      this.bar.classList.toggle("done", state === "done");
      this.hold.hidden = !["waiting", "sending", "broken", "paused"].includes(state);
      this.hold.textContent = state === "paused" ? "Go on" : "Pause";
      this.hold.setAttribute("aria-label", `${this.hold.textContent}: ${file.name}`);
      this.drop.textContent = state === "done" || state === "failed" ? "Remove" : "Cancel";
      this.drop.hidden = state === "done" || state === "checking";
      this.drop.setAttribute("aria-label", `${this.drop.textContent}: ${file.name}`);
      this.say({
        waiting: `${size(file.size)}, waiting its turn`,
        sending: pace ? `${of}, ${size(pace)}/s, ${span((file.size - offset) / pace)} left` : of,
        paused: `${of}, paused`,
        broken: `${of}, connection lost, trying again`,
        checking: "All there, being checked",
        done: `${size(file.size)}, uploaded`,
        failed: size(file.size),
      }[state]);
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
      settle();
    }

    async send() {
      if (this.state !== "waiting") return;
      const run = this.run = (this.run ?? 0) + 1; // after a pause another run takes over
      this.turn("sending");
      for (let tries = 0; run === this.run && this.state === "sending"; ) {
        const from = this.offset;
        try {
          await this.push();
          return;
        } catch (error) {
          if (run === this.run && this.state === "paused") this.show(); // the piece under way does not count
          if (run !== this.run || this.state === "paused" || this.state === "gone") return;
          if (error instanceof Refused) return this.fail(error.message);
          if (error instanceof Unclear) return this.end(error.message);
          if (error instanceof Held) return this.wait(error.message);
          if (!(error instanceof Broken)) throw error;
          tries = this.offset > from ? 0 : tries + 1;
          this.marks = [];
          this.turn("broken");
          await pause(Math.min(30000, 500 * 2 ** tries) * (0.75 + Math.random() / 2));
          if (run === this.run && this.state === "broken") this.turn("sending");
        }
      }
    }

    // All that is still missing. Throws Broken and Refused.
    async push() {
      await this.locate();
      while (this.offset < this.file.size) {
        if (this.state !== "sending") return;
        const start = this.offset, piece = this.file.slice(start, start + CHUNK);
        const isLast = start + piece.size === this.file.size;
        const headers = { "Upload-Offset": start, "Content-Type": "application/offset+octet-stream" };
        if (this.ordered !== this.work) headers["Upload-Metadata"] = `work ${base64(this.work)}`; // other ticks than the first time
        const request = await call("PATCH", this.url, headers, piece, {
          start: (sent) => { this.request = sent; },
          progress: (loaded) => {
            this.offset = start + loaded;
            if (isLast && loaded === piece.size) this.state = "checking";
            this.show();
          },
        }).catch((error) => { // how much arrived is asked again
          this.offset = start;
          if (this.state === "checking") this.state = "sending";
          throw error;
        });
        if (request.status === 404) { this.forget(); this.state = "sending"; throw new Broken(); }
        if (request.status !== 204) { this.offset = start; if (this.state === "checking") this.state = "sending"; }
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
        if ([404, 410].includes(request.status)) this.forget(); // it is over there
        else if (request.status === 415) throw new Refused("The server could not work with this recording. Choose another one.");
        else if (request.status === 507) throw new Held("The server has too little room or memory to go on. What arrived so far is kept: make room, or ask the operator to, then go on.");
        else check(request);
      }
      const facts = `kind ${base64("recording")},filename ${base64(this.file.name)},work ${base64(this.work)}`;
      const request = check(await call("POST", form.dataset.uploads, { "Upload-Length": this.file.size, "Upload-Metadata": facts }), 201);
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
      localStorage.setItem(this.key, JSON.stringify({ url: this.url, name: this.file.name, size: this.file.size, work: this.work }));
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
      if (document.activeElement === document.body) this.drop.focus(); // the button that was pressed has gone
    }

    // Whether the very file seems to be here: {id, title}, or undefined. Its content would take as long to read as to send.
    async find() {
      const query = new URLSearchParams({ size: this.file.size, limit: 100 });
      const answer = await fetch(`/api/v1/videos?${query}`).then((got) => (got.ok ? got.json() : null), () => null);
      return answer?.items.find(({ name }) => name === this.file.name);
    }

    // Have the work done with the recording that is here, and send nothing.
    async use({ id }) {
      this.video = id;
      if (new URLSearchParams(this.work).has("operations")) {
        const body = new URLSearchParams([...new URLSearchParams(this.work), ["csrfmiddlewaretoken", token]]);
        const answer = await fetch(`/videos/${id}/run/`, { method: "POST", body }).catch(() => null);
        if (!answer?.ok) return this.end("The work could not be started on the recording that is here. Open it in the library and start it there.");
      }
      this.arrived();
    }

    // What arrived of it would be gone.
    async giveUp() {
      const words = `${size(this.offset)} of “${this.file.name}” have arrived and will be thrown away.`;
      if (!this.isOpen || !this.offset || await ask("Cancel this upload?", words, "Cancel it", "Go on") === "yes") this.discard();
    }

    discard() {
      // One that failed may have been chosen again, and then goes on in another row.
      const url = this.isOpen ? this.url ?? this.kept?.url : undefined;
      if (this.isOpen) this.forget();
      this.state = "gone";
      this.request?.abort();
      this.row.remove();
      transfers.splice(transfers.indexOf(this), 1);
      if (url) call("DELETE", url).catch(() => {}); // the server forgets it by itself in the end
      settle();
    }
  }

  // Waits, but not longer than until the connection is back.
  function pause(ms) {
    return new Promise((resolve) => {
      setTimeout(resolve, ms);
      addEventListener("online", resolve, { once: true });
    });
  }

  // All of them -------------------------------------------------------------------------------------------------------

  // Work that needs a picture is not offered for sound alone, as far as the browser can tell.
  function offer() {
    const isSound = transfers.length > 0 && transfers.every((one) => one.file.type.startsWith("audio/"));
    for (const pick of form.querySelectorAll("[data-accepts=video]")) {
      pick.disabled = pick.closest("label").hidden = isSound;
    }
    dispatchEvent(new Event("input")); // and neither are its settings
  }

  function settle() {
    offer();
    const busy = transfers.filter((one) => ["sending", "broken", "checking"].includes(one.state)).length;
    transfers.filter((one) => one.state === "waiting").slice(0, Math.max(0, AT_ONCE - busy)).forEach((one) => one.send());
    const chosen = transfers.filter((one) => one.state === "chosen").length;
    send.hidden = transfers.length > 0 && !chosen;
    send.textContent = chosen > 1 ? `Upload ${chosen} recordings` : "Upload";
    const done = transfers.filter((one) => one.state === "done");
    const over = transfers.every((one) => !one.isOpen);
    const see = document.getElementById("see"), isWork = isWorkOf(done);
    see.hidden = !(over && done.length && done.length < transfers.length);
    see.href = isWork ? form.dataset.queue : "/";
    see.textContent = `${done.length === 1 ? "The other one has" : "The others have"} arrived: see the ${isWork ? "queue" : "library"}`;
    if (done.length && done.length === transfers.length) leave(done);
  }

  const isWorkOf = (done) => done.some((one) => new URLSearchParams(one.work).has("operations"));

  function leave(done) {
    removeEventListener("beforeunload", warn);
    location.assign(isWorkOf(done) ? form.dataset.queue : done.length === 1 ? `/videos/${done[0].video}/` : "/");
  }

  function choose(files) {
    for (const file of files) {
      if (transfers.some((one) => one.file.name === file.name && one.file.size === file.size && one.isOpen)) continue;
      const transfer = new Transfer(file);
      transfers.push(transfer);
      if (transfer.state === "failed") transfer.show();
    }
    list.scrollIntoView({ block: "nearest" });
    document.getElementById("nothing-chosen")?.remove();
    settle();
    remember();
  }

  const warn = (event) => { if (transfers.some((one) => one.isBusy)) event.preventDefault(); };

  async function begin(transfer) {
    const there = transfer.kept ? undefined : await transfer.find();
    if (transfer.state !== "chosen") return;
    const words = there && `“${there.title}” has the same file name and size as “${transfer.file.name}”.`;
    const answer = there ? await ask("This recording seems to be here already", words, "Upload it again", "Use the one that is here", "") : "yes";
    if (answer === "no") return transfer.use(there);
    if (answer !== "yes") return;
    transfer.state = "waiting";
    transfer.show();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = transfers.filter((one) => one.state === "chosen");
    if (!chosen.length) {
      if (!document.getElementById("nothing-chosen")) {
        const words = element("p", "bad small", "Choose a recording first.");
        words.id = "nothing-chosen";
        words.setAttribute("role", "alert");
        send.before(words);
      }
      return document.getElementById("choose").focus();
    }
    const wanted = work();
    for (const one of chosen) one.work = wanted;
    for (const one of chosen) {
      await begin(one); // one question at a time
      settle();
    }
  });

  document.getElementById("choose").addEventListener("click", () => picker.click());
  picker.tabIndex = -1;
  picker.addEventListener("change", () => { choose(picker.files); picker.value = ""; });
  addEventListener("beforeunload", warn);

  // Dropping works on the whole page, so that a near miss does not open the file instead.
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => { if (carriesFiles(event)) { event.preventDefault(); form.classList.add("over"); } });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) form.classList.remove("over"); });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    form.classList.remove("over");
    choose(event.dataTransfer.files);
  });

  // What an earlier visit left unfinished -----------------------------------------------------------------------------

  async function remember() {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX) && !transfers.some((one) => one.key === key));
    const rows = await Promise.all(keys.map(leftover));
    unfinished.replaceChildren(...rows.filter(Boolean));
    unfinished.hidden = !unfinished.children.length;
  }

  async function leftover(key) {
    const { url, name, size: length } = JSON.parse(localStorage.getItem(key));
    let request;
    try { request = await call("HEAD", url); } catch { return null; }
    const offset = Number(request.getResponseHeader("Upload-Offset"));
    const isOver = [404, 410, 415].includes(request.status) || (request.status === 200 && offset === length);
    if (isOver) localStorage.removeItem(key);
    if (isOver || request.status !== 200) return null;
    const row = element("div", "card pad moving"), text = element("div", "grow");
    text.append(element("b", "clip", name), element("p", "soft small num", `${size(offset)} of ${size(length)} are there. Choose the same file to go on.`));
    row.append(text, button("Discard", name, async () => {
      const words = `${size(offset)} of “${name}” have arrived and will be thrown away.`;
      if ((await ask("Discard this upload?", words, "Discard it")) !== "yes") return;
      call("DELETE", url).catch(() => {});
      localStorage.removeItem(key);
      row.remove();
      unfinished.hidden = !unfinished.children.length;
    }));
    return row;
  }

  settle();
  remember();
})();
