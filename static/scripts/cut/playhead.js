// The playhead over the waveform, as often as the page is drawn while it plays.
const ROOM = 0.05; // of what is in view, left of the playhead where it comes in

export function followPlayhead(player, waveform) {
  let following = 0;

  function head() {
    const { start, span } = waveform.view;
    const time = player.currentTime;
    if (time === waveform.playhead) return;
    waveform.playhead = time;
    if (!player.paused && !waveform.whole && time > start + span && time < start + 2 * span)
      waveform.show(time - span * ROOM, span);
    waveform.draw();
  }

  function follow() {
    head();
    following = player.paused ? 0 : requestAnimationFrame(follow);
  }

  player.addEventListener("play", () => {
    if (!following) follow();
  });
  for (const name of ["seeking", "seeked", "timeupdate"]) player.addEventListener(name, head);
  follow();
}
