// Plays the small loop of a recording on its card while somebody points at it or has it in focus.
const still = matchMedia("(prefers-reduced-motion: reduce)");
const loopOf = (event) => event.target.closest?.(".vid")?.querySelector("video.loop");

function begin(event) {
  const loop = loopOf(event);
  if (!loop?.paused || still.matches || event.pointerType === "touch") return;
  // Leaving before it has loaded makes `play` fail.
  loop.play().then(
    () => loop.classList.add("playing"),
    () => {},
  );
}

function end(event) {
  const loop = loopOf(event);
  if (!loop || loop.closest(".card").contains(event.relatedTarget)) return;
  loop.pause();
  loop.currentTime = 0;
  loop.classList.remove("playing");
}

addEventListener("pointerover", begin);
addEventListener("focusin", begin);
addEventListener("pointerout", end);
addEventListener("focusout", end);
