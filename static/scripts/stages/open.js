// Fills the stages of forms, each when its form is first seen: what is set there by hand stands in the form's fields, which
// a browser without scripts shows alone.
import { allOf } from "../lib/elements.js";
import { on } from "../lib/htmx.js";
import { whenSeen } from "../lib/seen.js";

const STAGES = {
  "change-speed": () => import("./stretch.js"),
  convert: () => import("./framing.js"),
  preview: () => import("./excerpts.js"),
  split: () => import("./moments.js"),
  thumbnails: () => import("./moments.js"),
  trim: () => import("./stretch.js"),
  watermark: () => import("./watermark.js"),
};

/** @param {HTMLElement} place */
async function fill(place) {
  const form = place.closest("form");
  const load = STAGES[form?.dataset.operation];
  if (!load) return;
  const stage = await load();
  place.dataset.filled = "yes";
  stage.open(place, form);
}

function look() {
  for (const place of allOf(document, "[data-stage]:not([data-seen])", HTMLElement)) {
    place.dataset.seen = "yes";
    whenSeen(place, () => fill(place), { rootMargin: "200px 0px" });
  }
}

on("htmx:afterSettle", look);
look();
