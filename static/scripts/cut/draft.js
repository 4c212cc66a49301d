// Cuts that were made by hand, kept until they are given up, so that leaving the page loses nothing: in this browser at
// once, and on the server a moment later, so that another browser shows the same. Without a connection the browser's
// are enough; they are sent when it is back. What somebody changed elsewhere meanwhile is never overwritten.
import { csrfToken, jsonOf } from "../lib/requests.js";

const REST_MS = 1000;
const CHANGED = 412;

export class CutDraft {
  static PREFIX = "cut:";
  static DAYS = 60;

  // `there` is the version that the server has, "" for none. `overtaken` is called with a draft that somebody else has
  // kept in place of ours, null when it was given up.
  constructor(video, address, there, overtaken) {
    this.key = `${CutDraft.PREFIX}${document.body.dataset.account}:${video}`;
    this.address = address;
    this.there = there;
    this.overtaken = overtaken;
    this.sending = Promise.resolve();
    CutDraft.forgetOld();
    addEventListener("online", () => this.send());
  }

  // {list, values, version, unsent}, values by the names of fields; null for none. `version` is the server's that it was
  // made of, null before there was one.
  get kept() {
    return CutDraft.read(this.key);
  }

  // What is to be shown when the page opens: what this browser has kept, and what the server has, which is newer. Both
  // where each has changed what the other does not know.
  async open() {
    const ours = this.kept;
    if (!this.there) {
      if (!ours?.version || ours.unsent)
        return { ours: ours && { ...ours, version: null, unsent: true }, theirs: null };
      localStorage.removeItem(this.key); // given up elsewhere
      return { ours: null, theirs: null };
    }
    const response = this.there === ours?.version ? null : await fetch(this.address).catch(() => null);
    const theirs = response?.ok ? CutDraft.of(await jsonOf(response)) : null;
    if (!theirs || theirs.version === ours?.version) return { ours, theirs: null };
    return { ours: ours?.unsent ? ours : null, theirs };
  }

  keep(list, values, version = this.kept?.version ?? null) {
    const before = this.kept;
    const isSame = before && JSON.stringify([before.list, before.values]) === JSON.stringify([list, values]);
    if (isSame && before.version === version) return;
    this.write({ list, values, version, unsent: true });
    this.later();
  }

  // Kept before, but not by the server.
  resend(ours) {
    this.write(ours);
    this.later();
  }

  // As the server has it.
  take({ list, values, version }) {
    this.write({ list, values, version, unsent: false });
  }

  write(draft) {
    this.present = { at: Date.now(), ...draft };
    try {
      localStorage.setItem(this.key, JSON.stringify(this.present));
    } catch {
      /* no room, or not allowed: then the page asks before it is left */
    }
  }

  drop() {
    const { version } = this.kept ?? this.present ?? {};
    clearTimeout(this.timer);
    localStorage.removeItem(this.key);
    this.present = null;
    if (version) this.inTurn(() => this.ask("DELETE", version));
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), REST_MS);
  }

  // What the server does not have yet; one request after the other.
  send() {
    clearTimeout(this.timer);
    return this.inTurn(async () => {
      const ours = this.kept ?? this.present;
      if (!ours?.unsent) return;
      const body = { parts: ours.list.map(({ start, end, kept }) => ({ start, end, kept })), settings: ours.values };
      const response = await this.ask("PUT", ours.version, body);
      if (response?.status === CHANGED) return this.tell();
      if (!response?.ok) return; // tried again with the next change, and when the connection is back
      const { version } = await response.json();
      const now = this.kept ?? this.present;
      if (!now) return this.ask("DELETE", version); // given up in between
      this.write({ ...now, version, unsent: now.at !== ours.at });
      if (now.at !== ours.at) this.later();
    });
  }

  async tell() {
    const response = await fetch(this.address).catch(() => null);
    if (response?.ok) this.overtaken(CutDraft.of(await response.json()));
    else if (response?.status === 404) this.overtaken(null);
  }

  inTurn(doing) {
    this.sending = this.sending.then(doing, doing).catch(() => {});
    return this.sending;
  }

  ask(method, version, body) {
    const condition = version ? { "If-Match": `"${version}"` } : { "If-None-Match": "*" };
    return fetch(this.address, {
      method,
      headers: { "X-CSRFToken": csrfToken(), "Content-Type": "application/json", ...condition },
      body: body && JSON.stringify(body),
      keepalive: !body || JSON.stringify(body).length < 60_000, // goes on when the page is left
    }).catch(() => null);
  }

  static of(answer) {
    return answer && { list: answer.parts, values: answer.settings, version: answer.version };
  }

  static read(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  }

  static forgetOld() {
    for (const key of Object.keys(localStorage).filter((one) => one.startsWith(CutDraft.PREFIX))) {
      if (!(Date.now() - CutDraft.read(key)?.at < CutDraft.DAYS * 86_400_000)) localStorage.removeItem(key);
    }
  }
}
