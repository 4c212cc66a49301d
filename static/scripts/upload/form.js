// Sends recordings in pieces, two at a time.
import { ask } from "../ask.js";
import { allOf, byId, element, iconOf, textFields } from "../lib/elements.js";
import { size } from "../lib/sizes.js";
import * as address from "./address.js";
import * as bar from "./bar.js";
import { button, PREFIX, Transfer } from "./transfer.js";
import { call } from "./tus.js";

const form = byId("upload", HTMLFormElement);
const picker = byId("id_file", HTMLInputElement);
const list = byId("files", HTMLElement);
const send = byId("send", HTMLButtonElement);
const unfinished = byId("unfinished", HTMLElement);
const AT_ONCE = 2;
const transfers = [];
let replaced = null; // a refused file, while another one is chosen
const site = {
  list,
  uploads: form.dataset.uploads,
  chunk: Number(form.dataset.chunk),
  limit: Number(form.dataset.limit),
  turned: settle,
  gone: (transfer) => {
    transfers.splice(transfers.indexOf(transfer), 1);
    settle();
  },
  replace: (transfer) => {
    replaced = transfer;
    picker.click();
  },
};

// A saved chain goes before what is ticked; "-" stands for nothing at all.
function work() {
  const fields = new URLSearchParams(textFields(form));
  const pipeline = fields.get("pipeline");
  if (pipeline === "-") return "";
  return (pipeline ? new URLSearchParams({ pipeline }) : fields).toString();
}

// All of them -------------------------------------------------------------------------------------------------------

// Work that needs a picture is not offered for sound alone, as far as the browser can tell.
function offer() {
  const isSound = transfers.length > 0 && transfers.every((one) => one.file.type.startsWith("audio/"));
  for (const pick of allOf(form, "[data-accepts=video]", HTMLInputElement)) {
    pick.disabled = pick.closest("label").hidden = isSound;
  }
  dispatchEvent(new Event("input")); // and neither are its settings
}

function settle() {
  offer();
  const busy = transfers.filter((one) => ["sending", "broken", "checking"].includes(one.state)).length;
  const waiting = transfers.filter((one) => one.state === "waiting");
  for (const one of waiting.slice(0, Math.max(0, AT_ONCE - busy))) one.send();
  const chosen = transfers.filter((one) => one.state === "chosen").length;
  send.hidden = transfers.length > 0 && !chosen && !address.isGiven();
  send.textContent = chosen > 1 ? `Upload ${chosen} recordings` : "Upload";
  const done = transfers.filter((one) => one.state === "done");
  const over = transfers.every((one) => !one.isOpen);
  const see = byId("see", HTMLAnchorElement);
  const isWork = isWorkOf(done);
  see.hidden = !(over && done.length && done.length < transfers.length);
  see.href = isWork ? form.dataset.queue : "/";
  see.textContent = `${done.length === 1 ? "The other one has" : "The others have"} arrived: see the ${isWork ? "queue" : "library"}`;
  if (done.length && done.length === transfers.length) leave(done);
}

const isWorkOf = (done) =>
  done.some((one) => {
    const work = new URLSearchParams(one.work);
    return work.has("operations") || Boolean(work.get("pipeline"));
  });

function leave(done) {
  removeEventListener("beforeunload", warn);
  location.assign(isWorkOf(done) ? form.dataset.queue : done.length === 1 ? `/videos/${done[0].video}/` : "/");
}

function choose(files) {
  for (const file of files) {
    if (transfers.some((one) => one.file.name === file.name && one.file.size === file.size && one.isOpen)) continue;
    const transfer = new Transfer(file, site);
    transfers.push(transfer);
    if (transfer.state === "failed") transfer.show();
  }
  bar.open();
  list.scrollIntoView({ block: "nearest" });
  document.getElementById("nothing-chosen")?.remove();
  settle();
  remember();
  if (!send.hidden) send.focus(); // the next step, also for who has no mouse
}

const warn = (event) => {
  if (transfers.some((one) => one.isBusy)) event.preventDefault();
};

async function begin(transfer) {
  const there = transfer.kept ? undefined : await transfer.find();
  if (transfer.state !== "chosen") return;
  const words = there && `“${there.title}” has the same file name and size as “${transfer.file.name}”.`;
  const answer = there
    ? await ask("This recording seems to be here already", words, "Upload it again", "Use the one that is here", "")
    : "yes";
  if (answer === "no") return transfer.use(there);
  if (answer !== "yes") return;
  transfer.state = "waiting";
  transfer.show();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const isForAddress = event.submitter?.id === "fetch";
  const chosen = isForAddress ? [] : transfers.filter((one) => one.state === "chosen");
  const byAddress = isForAddress || address.isGiven();
  if (byAddress) address.fetchIt(work());
  if (!chosen.length && !byAddress) {
    if (!document.getElementById("nothing-chosen")) {
      const fields = { className: "bad small", id: "nothing-chosen", role: "alert" };
      send.before(element("p", fields, "Choose a recording first, or paste the address of one."));
    }
    return document.getElementById("choose").focus();
  }
  const wanted = work();
  for (const one of chosen) one.work = wanted;
  for (const one of chosen) {
    await begin(one); // one question at a time
    settle();
  }
});

document.getElementById("choose").addEventListener("click", () => picker.click());
picker.tabIndex = -1;
picker.addEventListener("cancel", () => {
  replaced = null;
});
picker.addEventListener("change", () => {
  replaced?.discard();
  replaced = null;
  choose(picker.files);
  picker.value = "";
});
addEventListener("beforeunload", warn);

bar.takeDropped(choose);

// What an earlier visit left unfinished -----------------------------------------------------------------------------

async function remember() {
  const keys = Object.keys(localStorage).filter(
    (key) => key.startsWith(PREFIX) && !transfers.some((one) => one.key === key),
  );
  const rows = await Promise.all(keys.map(leftover));
  unfinished.replaceChildren(...rows.filter(Boolean));
  unfinished.hidden = !unfinished.children.length;
}

async function leftover(key) {
  const { url, name, size: length } = JSON.parse(localStorage.getItem(key));
  let request;
  try {
    request = await call("HEAD", url);
  } catch {
    return null;
  }
  const offset = Number(request.getResponseHeader("Upload-Offset"));
  const isOver = [404, 410, 415].includes(request.status) || (request.status === 200 && offset === length);
  if (isOver) localStorage.removeItem(key);
  if (isOver || request.status !== 200) return null;
  const words = `${size(offset)} of ${size(length)} are there. Choose the same file to go on.`;
  const row = element(
    "div",
    { className: "coming" },
    element("span", { className: "soft" }, iconOf("film")),
    element("b", { className: "clip", dir: "auto" }, name),
    element("progress", { max: length, value: offset, className: "near", ariaLabel: name }),
    element("span", { className: "soft small num says" }, words),
    button("Discard", name, "close", async () => {
      const lost = `${size(offset)} of “${name}” have arrived and will be thrown away.`;
      if ((await ask("Discard this upload?", lost, "Discard it")) !== "yes") return;
      call("DELETE", url).catch(() => {});
      localStorage.removeItem(key);
      row.remove();
      unfinished.hidden = !unfinished.children.length;
    }),
  );
  return row;
}

address.whenGiven(() => {
  document.getElementById("nothing-chosen")?.remove();
  settle();
});
settle();
remember();
