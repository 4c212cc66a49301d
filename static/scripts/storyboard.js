// Shows what a recording looks like at other times: on its card in the library, and over the bar below its player. The
// pictures come from a WebVTT file that names sheets and places on them, and are fetched when they are first wanted.
(() => {
  "use strict";
  const CUE = /^(\d+):(\d\d):(\d\d\.\d{3}) --> .*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm;
  const DRAG_PX = 10;
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  const clock = (seconds) => {
    const whole = Math.floor(seconds), parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return parts.slice(parts[0] ? 0 : 1).map((part, at) => (at ? String(part).padStart(2, "0") : part)).join(":");
  };

  class Storyboard {
    static #known = new Map();
    static of(address) {
      if (!this.#known.has(address)) this.#known.set(address, new Storyboard(address));
      return this.#known.get(address);
    }

    constructor(address) {
      this.address = address;
      this.sheets = new Map();
    }

    cues() {
      return (this.asked ??= this.#fetched());
    }

    async #fetched() {
      const answer = await fetch(this.address).catch(() => null);
      const found = answer?.ok ? [...(await answer.text()).matchAll(CUE)] : [];
      return found.map(([, hours, minutes, seconds, sheet, ...place]) => (
        { time: hours * 3600 + minutes * 60 + Number(seconds), sheet, place: place.map(Number) }
      ));
    }

    sheet(address) {
      if (!this.sheets.has(address)) {
        const image = new Image();
        image.src = address;
        this.sheets.set(address, image.decode().then(() => image, () => null));
      }
      return this.sheets.get(address);
    }

    // Draw the picture at a time, whole, into the middle of the canvas. A later call overtakes an earlier one. Tells
    // whether there was one.
    async draw(canvas, time) {
      const turn = (canvas.turn = (canvas.turn ?? 0) + 1);
      const cue = (await this.cues()).findLast((one) => one.time <= time);
      const image = cue && (await this.sheet(cue.sheet));
      if (!image || turn !== canvas.turn) return Boolean(image);
      const [x, y, width, height] = cue.place, pen = canvas.getContext("2d");
      const scale = Math.min(canvas.width / width, canvas.height / height);
      const across = width * scale, down = height * scale;
      pen.clearRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(image, x, y, width, height, (canvas.width - across) / 2, (canvas.height - down) / 2, across, down);
      return true;
    }
  }

  // Cards in the library: the pointer's place on the card is the time. A finger drags, arrow keys step. ---------------

  const cards = "a[data-storyboard]";
  let card = null, part = 0, touchedAt = null, dragged = false;

  function canvasOf(shown) {
    const poster = shown.querySelector(".poster");
    let canvas = poster.querySelector("canvas");
    if (!canvas) {
      canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [320, 180];
      poster.querySelector(".time").before(canvas);
    }
    return canvas;
  }

  async function look(shown, fraction) {
    if (card !== shown) leave();
    card = shown;
    part = Math.min(Math.max(fraction, 0), 0.9999);
    const seconds = part * Number(shown.dataset.duration), time = shown.querySelector(".time");
    time.dataset.whole ??= time.textContent;
    const drawn = await Storyboard.of(shown.dataset.storyboard).draw(canvasOf(shown), seconds);
    if (card !== shown || !drawn) return;
    shown.classList.add("scrubbed");
    time.textContent = `${clock(part * Number(shown.dataset.duration))} of ${time.dataset.whole}`;
  }

  function leave() {
    card?.classList.remove("scrubbed");
    const time = card?.querySelector(".time");
    if (time?.dataset.whole) time.textContent = time.dataset.whole;
    card = touchedAt = null;
  }

  const along = (shown, event) => {
    const box = shown.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  };

  document.addEventListener("pointerdown", (event) => {
    dragged = false;
    touchedAt = event.pointerType !== "mouse" && event.target.closest?.(cards) ? event.clientX : null;
  });

  document.addEventListener("pointermove", (event) => {
    const shown = event.target.closest?.(cards);
    const byMouse = event.pointerType === "mouse" && !still.matches && !shown?.querySelector(".loop"); // which plays then
    dragged ||= touchedAt !== null && Math.abs(event.clientX - touchedAt) > DRAG_PX;
    if (shown && (byMouse || dragged)) look(shown, along(shown, event));
    else if (card && event.pointerType === "mouse" && document.activeElement !== card) leave();
  });

  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, (event) => event.pointerType !== "mouse" && leave());
  }
  document.documentElement.addEventListener("pointerleave", leave);
  document.addEventListener("dragstart", (event) => event.target.closest?.(cards) && touchedAt !== null && event.preventDefault());
  document.addEventListener("click", (event) => {
    if (dragged && event.target.closest?.(cards)) event.preventDefault(); // the finger was looking, not opening
    dragged = false;
  });

  document.addEventListener("focusout", (event) => event.target === card && leave());
  document.addEventListener("keydown", async (event) => {
    const shown = event.target.closest?.(cards), step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!shown || !step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const count = (await Storyboard.of(shown.dataset.storyboard).cues()).length;
    if (count) look(shown, card === shown ? part + step / count : 0);
  });

  // The bar below the player: a slider that shows the picture before the player goes there. -----------------------------

  class Bar {
    constructor(place, player) {
      this.board = Storyboard.of(place.dataset.storyboard);
      this.slider = place.querySelector("input");
      this.view = place.querySelector("figure");
      this.canvas = place.querySelector("canvas");
      this.say = place.querySelector("figcaption");
      this.player = player;
      const slider = this.slider;
      slider.addEventListener("pointermove", (event) => this.show(this.timeAt(event)));
      for (const end of ["pointerleave", "pointercancel", "blur"]) slider.addEventListener(end, () => this.hide());
      slider.addEventListener("input", () => this.show(slider.valueAsNumber));
      slider.addEventListener("change", () => { player.currentTime = slider.valueAsNumber; });
      slider.addEventListener("pointerup", (event) => event.pointerType !== "mouse" && this.hide());
      player.addEventListener("timeupdate", () => this.follow());
      this.follow();
    }

    timeAt(event) {
      const box = this.slider.getBoundingClientRect();
      return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * Number(this.slider.max);
    }

    // While somebody holds the slider it is theirs.
    follow() {
      if (!this.slider.matches(":active")) this.slider.value = this.player.currentTime;
      this.slider.setAttribute("aria-valuetext", clock(this.slider.valueAsNumber));
    }

    async show(time) {
      this.wanted = true;
      this.slider.setAttribute("aria-valuetext", clock(this.slider.valueAsNumber));
      const drawn = await this.board.draw(this.canvas, time);
      if (!drawn || !this.wanted) return;
      this.say.textContent = clock(time);
      this.view.hidden = false;
      const room = this.slider.clientWidth - this.view.offsetWidth;
      const middle = (time / Number(this.slider.max)) * this.slider.clientWidth - this.view.offsetWidth / 2;
      this.view.style.left = `${Math.min(Math.max(middle, 0), Math.max(room, 0))}px`;
    }

    hide() {
      this.wanted = false;
      this.view.hidden = true;
    }
  }

  htmx.onLoad((root) => {
    const place = root.matches?.(".scrub[data-storyboard]") ? root : root.querySelector?.(".scrub[data-storyboard]");
    if (place && !place.dataset.ready) {
      place.dataset.ready = "yes";
      new Bar(place, stage);
    }
  });
})();
