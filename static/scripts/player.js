// Keys for the recording on its page, and a word when this browser cannot play it.
(() => {
  "use strict";
  const player = stage;
  const keys = document.getElementById("keys");
  const unplayable = () => { document.getElementById("unplayable").hidden = false; };
  player.addEventListener("error", unplayable);
  if (player.element.error) unplayable();

  htmx.on("htmx:afterRequest", ({ detail }) => { player.element.poster = detail.xhr?.getResponseHeader("X-Poster") ?? player.element.poster; });

  // The script of what not every recording has, and what may come to the page later.
  function fetchScripts() {
    for (const { dataset } of document.querySelectorAll("[data-script]")) {
      if (document.querySelector(`script[src="${dataset.script}"]`)) continue;
      document.head.append(Object.assign(document.createElement("script"), { src: dataset.script }));
    }
  }
  htmx.on("htmx:afterSettle", fetchScripts);
  fetchScripts();

  const [over, under = 1] = (player.element.dataset.frameRate || "").split("/"); // exact: 30000/1001
  const rate = over / under || 25; // a sound has no frames: then small steps
  const frames = (count) => {
    player.pause();
    // To the middle of the frame, since at its start rounding may show the one before.
    player.currentTime = Math.max(0, (Math.floor(player.currentTime * rate + 0.001) + count + 0.5) / rate);
  };
  const does = {
    " ": () => (player.paused ? player.play() : player.pause()),
    ArrowLeft: () => { player.currentTime -= 5; },
    ArrowRight: () => { player.currentTime += 5; },
    ",": () => frames(-1),
    ".": () => frames(1),
    "?": () => keys.showModal(),
  };

  addEventListener("keydown", (event) => {
    const busy = event.target.closest("input, select, textarea, button, a, summary, video, audio, dialog, [popover]");
    if ((busy && busy !== player.element && event.key !== "?") || event.target.matches("input, textarea, select")) return;
    if (event.ctrlKey || event.metaKey || event.altKey || keys.open || !does[event.key]) return;
    event.preventDefault(); // also keeps the player's own keys from doing it twice
    does[event.key]();
  });
})();
