// The rows of a live page, and how they turn into those of a later moment.
import { allOf } from "./lib/elements.js";
import { htmx } from "./lib/htmx.js";

export const rowsShown = () => allOf(document, "#jobs-rows article.job", HTMLElement);
const older = (incoming, shown) => Number(incoming.dataset.version) < Number(shown.dataset.version);

// Turn a row into its later self part by part, as what is open, ticked, playing or has the focus in it is to stay. What no part
// holds, a fold with results, stays as it is. Returns the row that is shown then.
function replace(shown, row) {
  if (shown.dataset.parts === undefined) return replaceWhole(shown, row);
  for (const { name, value } of row.attributes) if (name !== "hx-swap-oob") shown.setAttribute(name, value);
  const before = new Map(parts(shown).map((part) => [part.id, part]));
  let last = null;
  for (const part of parts(row)) {
    const old = before.get(part.id);
    before.delete(part.id);
    if (old?.dataset.part === part.dataset.part) last = old;
    else if (old) last = replaceWhole(old, part);
    else {
      if (last) last.after(part);
      else shown.prepend(part);
      htmx.process(part);
      last = part;
    }
  }
  for (const part of before.values()) part.remove();
  return shown;
}

const parts = (row) => allOf(row, ":scope > [data-part]", HTMLElement);

// Its bar glides on, the focus stays, and what it has opened is still said to be open.
function replaceWhole(shown, row) {
  const focus = shown.contains(document.activeElement) ? document.activeElement.id : "";
  const before = shown.querySelector("progress")?.value;
  const bar = row.querySelector("progress");
  const after = bar?.value;
  row.removeAttribute("hx-swap-oob");
  if (bar && before < after) bar.value = before;
  for (const { id } of shown.querySelectorAll("[aria-expanded=true]"))
    row.querySelector(`#${CSS.escape(id)}`)?.setAttribute("aria-expanded", "true");
  shown.replaceWith(row);
  htmx.process(row);
  if (bar && before < after)
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        bar.value = after;
      }),
    );
  if (focus)
    (document.getElementById(focus) ?? row.closest("article")?.querySelector(".acts :is(a, button, summary)"))?.focus();
  return row;
}

// Turn the list into `incoming`, leaving the rows that are the same alone: one of them may be playing. With an order
// it holds only the rows that changed, and without a state only some of those: the rest and the order follow. Words in the
// order that begin with # are groups, whose heads come along. While `held()` says so, rows change but none comes, goes or
// moves; returns whether anything is owed therefore, once that is known.
const ahead = new Map();
const turned = new Set(); // rows without a place as yet, and those put in the place of an earlier self
let still = false;
export function merge(target, incoming, held) {
  still ||= Boolean(held()); // before a row under the pointer is replaced
  const sent = allOf(incoming, "article.job", HTMLElement);
  const { state, order: told } = incoming.dataset;
  const order = told === undefined ? orderOf(incoming) : orderIn(told);
  const ids = order.flatMap((group) => group.ids);
  for (const row of sent) {
    const shown = document.getElementById(row.id);
    if (!shown) ahead.set(row.id, row);
    else if (row.dataset.stamp !== shown.dataset.stamp && !older(row, shown)) turned.add(replace(shown, row));
  }
  if (state === undefined) return undefined;
  const lacks = ids.some((id) => !document.getElementById(id) && !ahead.has(id));
  target.dataset.state = still || lacks ? "" : state; // what it then asks for is the whole list
  if (!still) arrangeAll(order, incoming, ids);
  const owed = still || lacks;
  forget();
  return owed;
}

// The groups of a list with the ids of their rows; one without a name where there are none.
function orderOf(list) {
  const groups = allOf(list, ".group", HTMLElement);
  const idsOf = (part) => allOf(part, "article.job", HTMLElement).map((row) => row.id);
  return groups.length ? groups.map((group) => ({ id: group.id, ids: idsOf(group) })) : [{ id: "", ids: idsOf(list) }];
}

function orderIn(told) {
  const order = [{ id: "", ids: [] }];
  for (const word of told.split(/\s+/).filter(Boolean)) {
    if (word.startsWith("#")) order.push({ id: `group-${word.slice(1)}`, ids: [] });
    else order.at(-1).ids.push(`job-${word}`);
  }
  return order.length > 1 ? order.slice(1) : order;
}

function arrangeAll(order, incoming, ids) {
  const rows = document.getElementById("jobs-rows");
  const active = document.activeElement;
  const focus = active instanceof HTMLElement && rows.contains(active) ? active : null;
  const wanted = new Set(ids);
  for (const row of rowsShown()) if (!wanted.has(row.id)) row.remove();
  if (order[0].id || rows.querySelector(":scope > .group")) arrangeGroups(rows, order, incoming);
  for (const { id, ids } of order) arrange(id ? document.getElementById(id).querySelector(".jobs") : rows, ids);
  for (const group of allOf(rows, ":scope > .group", HTMLDetailsElement)) {
    if (group.querySelector("article")) continue;
    if (!group.open) rows.dataset.folded = `${rows.dataset.folded ?? ""} ${group.id.replace("group-", "")}`;
    group.remove();
  }
  if (focus?.isConnected && document.activeElement !== focus) focus.focus({ preventScroll: true });
}

// The heads in their order; one that is there stays, folded or not, and only says what the new one says.
function arrangeGroups(rows, order, incoming) {
  let last = null;
  for (const { id } of order.filter((group) => group.id)) {
    const head = incoming.querySelector(`#${CSS.escape(id)}`);
    let group = /** @type {HTMLDetailsElement} */ (document.getElementById(id));
    if (group) {
      const said = [group, head].map((one) => one.querySelector("summary"));
      if (said[0].textContent !== said[1].textContent) said[0].replaceChildren(...said[1].childNodes);
    } else {
      group = head.cloneNode(true);
      group.querySelector(".jobs").replaceChildren();
      group.open = !(rows.dataset.folded ?? "").split(" ").includes(id.replace("group-", ""));
    }
    const place = last ? last.nextElementSibling : rows.firstElementChild;
    if (group !== place) rows.insertBefore(group, place);
    last = group;
  }
}

export function forget() {
  ahead.clear();
  turned.clear();
  still = false;
}

function arrange(rows, order) {
  let place = rows.firstElementChild;
  for (const id of order) {
    const row = document.getElementById(id) ?? ahead.get(id);
    while (row !== place && turned.has(place)) {
      // it is this one that moves, not those below it
      const below = place.nextElementSibling;
      ahead.set(place.id, place);
      place.remove();
      place = below;
    }
    if (row === place) place = place?.nextElementSibling ?? null;
    else if (row) rows.insertBefore(row, place);
    if (ahead.has(id)) {
      row.classList.add("new");
      htmx.process(row);
    }
  }
}
