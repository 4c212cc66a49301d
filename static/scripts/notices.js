// Tells what ended while a page is open and nobody looks at it. Of several pages one tells: they share what was told.
import { on } from "./lib/htmx.js";

const LAST = `notices-${document.body.dataset.account}`;
const PAUSE_MS = 1000; // what ends together is told together
let waiting = 0;

async function tell() {
  const after = localStorage.getItem(LAST);
  const response = await fetch(`/notices/since?after=${after ?? ""}`).catch(() => null);
  if (!response?.ok) return;
  const { last, items } = await response.json();
  localStorage.setItem(LAST, String(last));
  if (document.hasFocus()) return;
  for (const item of items) show(item);
}

function show({ title, body, path, tag }) {
  try {
    const notice = new Notification(title, { body, tag });
    notice.onclick = () => {
      window.focus();
      location.assign(path);
    };
  } catch {
    // phones show notices by a service worker only
    navigator.serviceWorker
      ?.getRegistration()
      .then((worker) => worker?.showNotification(title, { body, tag, data: { path } }));
  }
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(() => navigator.locks.request(LAST, tell), PAUSE_MS);
}

soon();
on("queue:changed", soon);
