// Lets this browser show notices: while a page is open by its permission, and while none is by a subscription.
import { byId } from "../lib/elements.js";
import { on } from "../lib/htmx.js";
import { jsonOf, post, problemOf } from "../lib/requests.js";

const say = byId("notices-say", HTMLElement);
const allow = byId("notices-allow", HTMLButtonElement);
const subscribe = byId("notices-subscribe", HTMLButtonElement);
const canPush = "serviceWorker" in navigator && "PushManager" in window;

function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (char) => char.charCodeAt(0));
}

async function permitted() {
  const answer = await Notification.requestPermission();
  if (answer !== "granted")
    say.textContent = "This browser was told not to show notices of this site. Its settings can change that.";
  return answer === "granted";
}

/** Whether the site tells this browser: it forgets one where somebody signed out. */
async function isListed(endpoint) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint)));
  const text = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return Boolean(document.querySelector(`[data-browser="${text}"]`));
}

async function know() {
  const granted = "Notification" in window && Notification.permission === "granted";
  allow.hidden = !("Notification" in window) || granted;
  const worker = canPush ? await navigator.serviceWorker.getRegistration() : null;
  const present = await worker?.pushManager.getSubscription();
  subscribe.hidden = !canPush || Boolean(present && granted && (await isListed(present.endpoint)));
  if (granted && !say.textContent) say.textContent = "This browser shows notices.";
}

allow.addEventListener("click", async () => {
  if (await permitted()) say.textContent = "This browser shows notices.";
  await know();
});

subscribe.addEventListener("click", async () => {
  subscribe.disabled = true;
  try {
    if (!(await permitted())) return;
    const told = await jsonOf(await fetch("/notices/key"));
    const worker = await navigator.serviceWorker.register("/service-worker.js");
    await navigator.serviceWorker.ready;
    await (await worker.pushManager.getSubscription())?.unsubscribe(); // one of another key would never be heard
    const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(told.key) });
    const response = await post("/notices/browsers", made.toJSON());
    if (!response.ok) throw new Error(await problemOf(response, "The site did not take it. Try again."));
    location.reload();
  } catch (error) {
    say.textContent = `This browser could not be turned on. ${error instanceof Error ? error.message : ""}`;
  } finally {
    subscribe.disabled = false;
  }
});

// A switch shows what holds, so one whose change did not get through goes back.
on("htmx:afterRequest", ({ target, detail }) => {
  const turned = detail.requestConfig?.triggeringEvent?.target;
  if (target.id === "tell" && !detail.successful && turned) turned.checked = !turned.checked;
});

know();
