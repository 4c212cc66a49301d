// The transcript beside the player: click a word and it plays there; the word now spoken is marked; find; edit; undo.
import { ask } from "./ask.js";
import { allOf, element } from "./lib/elements.js";
import { light, places } from "./lib/found.js";
import { on } from "./lib/htmx.js";
import { jsonOf, post } from "./lib/requests.js";
import { moment } from "./lib/times.js";
import { stage } from "./stage.js";

let desk = null;
const changed = new WeakMap(); // by the form of a line: whether there is something in it to lose

class Desk {
  constructor(place) {
    this.place = place;
    this.list = place.querySelector(".said");
    this.rows = [...this.list.children];
    this.find = place.querySelector("#transcript-find");
    this.next = place.querySelector("#transcript-next");
    this.undo = place.querySelector("#transcript-undo");
    this.status = place.querySelector("#transcript-say");
    this.hits = [];
    this.found = []; // where each of them has it first
    this.aim = null; // the word that the arrow keys have chosen
    this.list.addEventListener("click", (event) => this.click(event));
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.find.addEventListener("input", () => this.search());
    this.find.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        this.step(event.shiftKey ? -1 : 1);
      }
    });
    this.next.addEventListener("click", () => this.step(1));
    this.undo.addEventListener("click", () => this.takeBack());
    this.track();
    this.load();
  }

  say(text, bad = false) {
    this.status.textContent = text;
    this.status.classList.toggle("bad", bad);
  }

  async load() {
    const got = await fetch(this.place.dataset.words).catch(() => null);
    const told = got?.ok ? await jsonOf(got) : null;
    if (!told) return this.say("The times of the words did not arrive. Load the page again to play by word.", true);
    this.lines = told.lines;
    this.know(told);
    for (const [place, row] of this.rows.entries()) this.draw(row, this.lines[place]);
    this.words = this.collect();
    this.mark();
  }

  know({ version, changes }) {
    this.version = version;
    this.undo.disabled = !changes;
  }

  // A line's words, each with its times. Text goes in as text: it is somebody's words, never markup.
  draw(row, line) {
    const said = row.querySelector("p");
    said.replaceChildren(
      ...line.words.flatMap(([start, end, text, glued], place) => {
        const word = document.createElement("span");
        word.textContent = text;
        Object.assign(word.dataset, { start, end });
        return glued || !place ? [word] : [" ", word];
      }),
    );
    row.classList.toggle("gone", !line.words.length);
  }

  collect() {
    return [...this.list.querySelectorAll("span[data-start]")];
  }

  play(time) {
    stage.currentTime = time + 0.001; // rounded down it would be the word before
    stage.play().catch(() => {});
  }

  // Mark the word that is spoken now, and keep its line in view while it plays.
  mark() {
    if (!this.words) return;
    const now = stage.currentTime;
    let low = 0;
    let high = this.words.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Number(this.words[middle].dataset.start) <= now) low = middle + 1;
      else high = middle;
    }
    const word = this.words[low - 1];
    const spoken = word && now < Number(word.dataset.end) + 0.15 ? word : null;
    if (spoken === this.spoken) return;
    this.spoken?.classList.remove("spoken");
    this.spoken = spoken;
    spoken?.classList.add("spoken");
    const row = spoken?.closest("li");
    if (!row || row === this.row) return;
    this.row?.removeAttribute("aria-current");
    this.row = row;
    row.setAttribute("aria-current", "true");
    const busy = this.list.contains(document.activeElement) || this.list.querySelector("textarea");
    if (!stage.paused && !busy) this.show(row);
  }

  // Only the list scrolls, never the page.
  show(row) {
    this.list.scrollTop = row.offsetTop - this.list.clientHeight / 3;
  }

  click(event) {
    const row = event.target.closest("li");
    const word = event.target.closest("span[data-start]");
    if (!row || row.querySelector("form")) return;
    this.enter(row);
    if (event.target.closest(".edit")) return this.edit(row);
    if (word) this.play(Number(word.dataset.start));
    else if (event.target.closest(".at")) this.play(Number((this.aim ?? row).dataset.start));
  }

  // One line at a time can be reached by Tab; the arrow keys go to the others.
  enter(row) {
    for (const one of this.list.querySelectorAll("button[tabindex='0'], button:not([tabindex])")) one.tabIndex = -1;
    for (const one of row.querySelectorAll(":scope > button")) one.tabIndex = 0;
    if (this.aim?.closest("li") !== row) this.point(row, null);
  }

  point(row, word) {
    this.aim?.classList.remove("aim");
    this.aim = word;
    word?.classList.add("aim");
    const at = row.querySelector(".at");
    at.setAttribute(
      "aria-label",
      word
        ? `Play from “${word.textContent}”, ${moment(Number(word.dataset.start))}`
        : `Play from ${moment(Number(row.dataset.start))}`,
    );
  }

  key(event) {
    const at = event.target.closest(".at, .edit");
    const row = event.target.closest("li");
    if (!at || !row || event.ctrlKey || event.metaKey || event.altKey) return;
    const words = [...row.querySelectorAll("span[data-start]")];
    const place = words.indexOf(this.aim);
    const to = {
      ArrowUp: row.previousElementSibling,
      ArrowDown: row.nextElementSibling,
      Home: this.rows[0],
      End: this.rows.at(-1),
    }[event.key];
    if (to) {
      this.enter(to);
      to.querySelector(at.matches(".edit") ? ".edit" : ".at").focus();
    } else if (event.key === "ArrowRight") this.point(row, words[Math.min(words.length - 1, place + 1)] ?? null);
    else if (event.key === "ArrowLeft") this.point(row, words[place - 1] ?? null);
    else if (event.key === "e") this.edit(row);
    else return;
    event.preventDefault();
  }

  search() {
    const wanted = this.find.value.trim().toLocaleLowerCase();
    for (const one of this.hits) one.classList.remove("hit", "here");
    this.hits = wanted
      ? this.rows.filter((row) => row.querySelector("p").textContent.toLocaleLowerCase().includes(wanted))
      : [];
    for (const one of this.hits) one.classList.add("hit");
    this.found = this.hits.flatMap((row) => places(row.querySelector("p"), wanted).slice(0, 1));
    light(this.hits.flatMap((row) => places(row.querySelector("p"), wanted)));
    this.at = -1;
    this.next.disabled = !this.hits.length;
    if (!wanted) return this.say("");
    const count = this.hits.length;
    this.say(count ? `Found in ${count} line${count === 1 ? "" : "s"}.` : "It is not in there.");
    if (count) this.step(1, false);
  }

  // To the next line that has it, and the player to where it is said.
  step(by, goes = true) {
    if (!this.hits.length) return;
    this.hits[this.at]?.classList.remove("here");
    this.at = (Math.max(this.at, by < 0 ? 0 : -1) + by + this.hits.length) % this.hits.length;
    const row = this.hits[this.at];
    row.classList.add("here");
    this.enter(row);
    this.show(row);
    const word = /** @type {HTMLElement} */ (this.found[this.at]?.startContainer.parentElement.closest("[data-start]"));
    if (goes && word) stage.currentTime = Number(word.dataset.start) + 0.001;
  }

  edit(row) {
    if (!this.lines || row.querySelector("form")) return;
    const said = row.querySelector("p").textContent;
    const area = element("textarea", { value: said, dir: "auto", maxLength: 500, rows: 2 });
    const save = element("button", { type: "submit", className: "button main" }, "Save");
    const back = element("button", { type: "button", className: "button quiet" }, "Leave it");
    const form = element("form", {}, area, element("div", { className: "row" }, save, back));
    changed.set(form, () => area.value !== said);
    area.setAttribute("aria-label", `The line at ${moment(Number(row.dataset.start))}`);
    const mayGo = () =>
      ask("Leave this line as it was?", "What you changed in it has not been saved.", "Leave it", "Go on editing");
    const leave = async () => {
      if (area.value === said || (await mayGo()) === "yes") close();
      else area.focus();
    };
    const close = () => {
      form.remove();
      row.classList.remove("open");
      row.querySelector(".edit").focus();
    };
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      save.disabled = true;
      const place = this.rows.indexOf(row);
      const told = await this.send(`${this.place.dataset.words}/lines/${place}`, { text: area.value });
      save.disabled = false;
      if (!told) return;
      this.put(told);
      this.say(area.value.trim() ? "Saved." : "Saved. This line is left out of the captions.");
      close();
    });
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.preventDefault();
        leave();
      }
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    back.addEventListener("click", leave);
    row.classList.add("open");
    row.append(form);
    area.focus();
  }

  async send(address, body) {
    const sent = await post(address, { version: this.version, ...body }).catch(() => null);
    const told = await jsonOf(sent);
    if (sent?.ok && told) return told;
    this.say(told?.error?.message ?? "It could not be saved. Try again.", true);
    return null;
  }

  put(told) {
    this.know(told);
    this.lines[told.place] = told.line;
    this.spoken = null;
    this.point(this.rows[told.place], null);
    this.draw(this.rows[told.place], told.line);
    this.words = this.collect();
    this.mark();
    this.track();
  }

  async takeBack() {
    const told = await this.send(`${this.place.dataset.words}/undo`, {});
    if (!told) return;
    this.put(told);
    this.show(this.rows[told.place]);
    this.say("Taken back.");
  }

  // The captions in the player, always the present ones.
  track() {
    const { captions, language } = this.place.dataset;
    if (!captions || stage.element.localName !== "video") return;
    const there = stage.element.querySelector("track");
    const src = this.version ? `${captions}?v=${this.version.slice(0, 12)}` : captions;
    if (there?.getAttribute("src") === src) return;
    const mode = there?.track.mode ?? "showing";
    const fresh = Object.assign(document.createElement("track"), {
      kind: "captions",
      label: "Captions",
      srclang: language,
      src,
    });
    there?.remove();
    stage.element.append(fresh);
    fresh.track.mode = mode;
  }
}

function settle() {
  const place = document.getElementById("transcript");
  if (place && !place.hidden && desk?.place !== place) desk = new Desk(place);
}

addEventListener("beforeunload", (event) => {
  if (allOf(document, ".said form", HTMLFormElement).some((form) => changed.get(form)?.())) event.preventDefault();
});

let frame = 0;
const watch = () => {
  desk?.mark();
  frame = stage.paused || stage.ended ? 0 : requestAnimationFrame(watch);
};
stage.addEventListener("play", () => {
  if (!frame) watch();
});
for (const name of ["seeked", "timeupdate"]) stage.addEventListener(name, () => desk?.mark());
// A transcript that has just been made comes without loading the page; the one that is there, or in hand, stays.
on("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "transcript" || !desk?.place.isConnected) return;
  const same = event.detail.serverResponse.includes(`data-version="${desk.version}"`);
  if (same || desk.list.querySelector("form")) event.detail.shouldSwap = false;
});
on("htmx:afterSettle", settle);
settle();
