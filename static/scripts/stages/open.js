// Fills the stages of forms, each when its form is first seen: what is set there by hand stands in the form's fields, which
// a browser without scripts shows alone.
import { allOf } from "../lib/elements.js";
import { on } from "../lib/htmx.js";

const STAGES = {
  "change-speed": () => import("./stretch.js"),
  convert: () => import("./framing.js"),
  preview: () => import("./excerpts.js"),
  split: () => import("./moments.js"),
  thumbnails: () => import("./moments.js"),
  trim: () => import("./stretch.js"),
  watermark: () => import("./watermark.js"),
};

const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) fill(/** @type {HTMLElement} */ (target));
  },
  { rootMargin: "100% 0px" }, // a screen ahead
);

/** @param {HTMLElement} place */
async function fill(place) {
  seen.unobserve(place);
  const form = place.closest("form");
  const load = STAGES[form?.dataset.operation];
  if (!load || place.dataset.filled) return;
  place.dataset.filled = "yes";
  (await load()).open(place, form);
}

function look() {
  for (const place of allOf(document, "[data-stage]:not([data-filled])", HTMLElement)) seen.observe(place);
}

on("htmx:afterSettle", look);
look();
