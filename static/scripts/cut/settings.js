// What the form's sliders, switches and fields do to the plan.

export function followSettings(desk) {
  const { cut, fields, past, plan } = desk;

  desk.form.addEventListener("input", (event) => {
    const target = /** @type {HTMLInputElement} */ (event.target);
    const { slides, presets } = target.dataset;
    fields.take(target);
    if (presets) return fields.fill(JSON.parse(presets));
    if (fields.isBeside(target)) {
      desk.show(); // what was chosen by hand stays
      return plan.rest();
    }
    const isByHand = cut.byHand;
    const staysByHand = isByHand && fields.isPace(target);
    if (!staysByHand) cut.note = isByHand ? "The new settings replaced your cuts. Undo brings them back." : "";
    past.keepSettings(slides ?? target.id);
    if (!staysByHand) return plan.change();
    cut.touched = true;
    desk.changed();
  });
  desk.by("auto").addEventListener("click", () => fields.fill({ threshold_db: "auto" }));
}
