// Keys for the recording on its page, and a word when this browser cannot play it.
(() => {
  "use strict";
  const player = document.getElementById("player");
  const keys = document.getElementById("keys");
  const unplayable = () => { document.getElementById("unplayable").hidden = false; };
  player.addEventListener("error", unplayable);
  if (player.error) unplayable();

  const frame = 1 / 25;
  const does = {
    " ": () => (player.paused ? player.play() : player.pause()),
    ArrowLeft: () => { player.currentTime -= 5; },
    ArrowRight: () => { player.currentTime += 5; },
    ",": () => { player.pause(); player.currentTime -= frame; },
    ".": () => { player.pause(); player.currentTime += frame; },
    "?": () => keys.showModal(),
  };

  addEventListener("keydown", (event) => {
    const busy = event.target.closest("input, select, textarea, button, a, summary, video, audio, dialog, [popover]");
    if ((busy && busy !== player && event.key !== "?") || event.target.matches("input, textarea, select")) return;
    if (event.ctrlKey || event.metaKey || event.altKey || keys.open || !does[event.key]) return;
    event.preventDefault(); // also keeps the player's own keys from doing it twice
    does[event.key]();
  });
})();
