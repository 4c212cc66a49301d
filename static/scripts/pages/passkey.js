// Passkeys. allauth's own script asks the device; the button says which of its forms this is, and by which fields.
import { allOf, byId, element } from "../lib/elements.js";

const REASONS = {
  NotAllowedError: "It was cancelled, or took too long. Try once more.",
  InvalidStateError: "This device holds a passkey for your account already.",
  SecurityError: "Passkeys need a name and https: they do not work at a bare address.",
};

function say(sentence) {
  byId("messages", HTMLElement).replaceChildren(element("p", { className: "note error" }, sentence));
}

document.addEventListener("allauth.error", (event) => {
  if (!(event instanceof CustomEvent)) return;
  event.preventDefault();
  const { exception } = event.detail;
  say(REASONS[exception.name] ?? `The passkey could not be used: ${exception.message}`);
});

for (const button of allOf(document, "[data-passkey]", HTMLButtonElement)) {
  const { passkey, credential, passwordless, data } = button.dataset;
  if (globalThis.PublicKeyCredential) {
    const ids = { [passkey]: button.id, credential, passwordless, data };
    globalThis.allauth.webauthn.forms[`${passkey}Form`]({ ids });
  } else {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      say(REASONS.SecurityError);
    });
  }
}
