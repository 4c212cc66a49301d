// Plays a recording as it will be cut: jumps over what goes, at each join, or runs through it, without rendering anything.
export class CutPlayer {
  static AROUND = 1; // seconds heard on either side of a join
  static LEAD = 0.006; // a jump this early is nearer to the join than one a check later
  static AHEAD = 0.025; // browsers send a picture to the screen this long before its time; nothing of what goes may be sent
  static FASTEST = 16; // what browsers play at most

  // `player` is a Stage. `ended` is called when an audition is over or the cut has been played to its end.
  constructor(player, ended) {
    this.player = player;
    this.ended = ended;
    this.on = false;
    this.gone = [];
    this.quiet = false;
    this.speed = 0;
    this.times = 1;
    this.until = null;
    const check = () => this.check();
    for (const name of ["play", "playing", "seeked", "timeupdate", "ratechange"]) player.addEventListener(name, check);
    player.addEventListener("play", () => this.watch());
    player.addEventListener("ended", () => {
      if (this.active) this.stop();
    });
    player.addEventListener("seeking", () => {
      if (!this.jumping) this.until = null;
    });
    player.addEventListener("seeked", () => {
      this.jumping = false;
    });
    player.addEventListener("pause", () => {
      if (!this.jumping && !player.seeking) this.until = null;
    });
  }

  // What goes, as ranges in seconds; `quiet`: it stays, without its sound; `speed`: it runs so many times as fast.
  set(gone, { quiet = false, speed = 0 } = {}) {
    Object.assign(this, { gone, quiet, speed });
    this.check();
  }

  turn(on) {
    this.on = on;
    this.until = null;
    if (!on) {
      this.plain();
      this.player.release();
    }
    if (on && this.player.paused) {
      const last = this.speed ? null : this.gone.at(-1);
      const end = last && last[1] >= this.player.duration - 0.05 ? last[0] : this.player.duration;
      if (this.player.currentTime >= end - 0.05) this.player.currentTime = 0;
      this.player.play().catch(() => {});
    }
    this.check();
  }

  // Play what will be heard around a join.
  audition([start, end]) {
    this.player.currentTime = Math.max(0, (start || end) - CutPlayer.AROUND);
    this.player.addEventListener(
      "seeked",
      () => {
        this.until = Math.min(this.player.duration, end + CutPlayer.AROUND);
        this.player.play().catch(() => {});
      },
      { once: true },
    );
  }

  get active() {
    return this.on || this.until !== null;
  }

  // Look at each frame while it plays. Where the page is not drawn, `timeupdate` and the timer have to do.
  watch() {
    cancelAnimationFrame(this.frame);
    const again = () => {
      if (this.player.paused || this.player.ended) return;
      this.check();
      this.frame = requestAnimationFrame(again);
    };
    this.frame = requestAnimationFrame(again);
  }

  check() {
    const { player } = this;
    const now = player.currentTime;
    clearTimeout(this.timer);
    if (player.paused || player.seeking || !this.active) return this.plain();
    if (this.until !== null && now >= this.until) return this.stop();
    const next = this.next(now);
    if (this.quiet) return this.hush(Boolean(next && now >= next[0]));
    if (this.speed) return this.run(next, now);
    this.hurry(1);
    if (!next) return;
    player.prepare(next[1]);
    const left = (next[0] - now) / player.playbackRate;
    const lead = player.isReady(next[1]) ? CutPlayer.AHEAD : CutPlayer.LEAD;
    if (left > lead) this.timer = setTimeout(() => this.check(), (left - lead) * 1000);
    else this.jump(next);
  }

  // Faster inside a range, and at its own pace between.
  run(next, now) {
    const inside = next && now >= next[0] - CutPlayer.LEAD;
    this.hurry(inside ? this.speed : 1);
    if (next)
      this.timer = setTimeout(
        () => this.check(),
        Math.max(4, (((inside ? next[1] : next[0]) - now) / this.player.playbackRate) * 1000),
      );
  }

  hurry(times) {
    if (this.times === times) return;
    if (this.times === 1) this.usual = this.player.playbackRate;
    this.times = times;
    this.player.playbackRate = Math.min(CutPlayer.FASTEST, this.usual * times);
  }

  plain() {
    this.hush(false);
    this.hurry(1);
  }

  jump([start, end]) {
    const { player } = this;
    const late = player.currentTime - start;
    const left = performance.now();
    if (end >= player.duration - 0.05) return this.stop();
    const taken = player.isReady(end);
    this.jumping = true;
    if (taken) player.take();
    else player.currentTime = end; // what came before was too short for another element to be ready
    player.addEventListener(
      taken ? "playing" : "seeked",
      () => {
        this.jumping = false;
        const detail = { late, taken, took: (performance.now() - left) / 1000 };
        player.element.dispatchEvent(new CustomEvent("jumped", { bubbles: true, detail }));
      },
      { once: true },
    );
  }

  stop() {
    this.on = false;
    this.until = null;
    this.player.pause();
    this.player.release();
    this.plain();
    this.ended();
  }

  // The first range that ends after a time.
  next(now) {
    let low = 0;
    let high = this.gone.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.gone[middle][1] <= now + 1e-4) low = middle + 1;
      else high = middle;
    }
    return this.gone[low];
  }

  hush(quiet) {
    if (this.hushed === quiet) return;
    if (quiet) this.loud = !this.player.muted;
    if (quiet || this.loud) this.player.muted = quiet;
    this.hushed = quiet;
  }
}
