// Cuts that were made by hand, kept in this browser until they are given up, so that leaving the page loses nothing.
export class CutDraft {
  static PREFIX = "cut:";
  static DAYS = 60;

  constructor(video) {
    this.key = `${CutDraft.PREFIX}${document.body.dataset.account}:${video}`;
    CutDraft.forgetOld();
  }

  // {list, values}, values by the names of fields; null for none.
  get kept() {
    return CutDraft.read(this.key);
  }

  keep(list, values) {
    try {
      localStorage.setItem(this.key, JSON.stringify({ at: Date.now(), list, values }));
    } catch {
      /* no room, or not allowed: then the page asks before it is left */
    }
  }

  drop() {
    localStorage.removeItem(this.key);
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
