// The fields of an operation's form by the names that the operation gives them. They hold what a stage shows: it reads them
// whenever somebody changes one, and writes what hands do.
export class Fields {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    this.prefix = `${form.dataset.operation}-`;
  }

  /** @param {string} name */
  one(name) {
    return /** @type {HTMLInputElement | RadioNodeList | null} */ (this.form.elements[this.prefix + name] ?? null);
  }

  /** @param {string} name */
  text(name) {
    return this.one(name)?.value ?? "";
  }

  /**
   * @param {string} name
   * @param {number} otherwise where there is none, or none yet
   */
  number(name, otherwise) {
    const value = Number.parseFloat(this.text(name).replace("−", "-"));
    return Number.isFinite(value) ? value : otherwise;
  }

  /**
   * Write several at once, and tell of those that are others than before.
   * @param {Record<string, string | number>} values
   */
  write(values) {
    const changed = Object.entries(values).filter(
      ([name, value]) => this.one(name) && this.text(name) !== String(value),
    );
    for (const [name, value] of changed) this.one(name).value = String(value);
    for (const [name] of changed) this.tell(this.one(name));
  }

  /** @param {HTMLInputElement | RadioNodeList} one */
  tell(one) {
    const field = one instanceof RadioNodeList ? [...one].find((radio) => /** @type {any} */ (radio).checked) : one;
    field?.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** @param {() => void} does called after each change, by whomever */
  follow(does) {
    this.form.addEventListener("input", does);
    this.form.addEventListener("reset", () => setTimeout(does));
    does();
  }
}
