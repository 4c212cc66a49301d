// Buttons and keys of the cut. Keys do nothing while somebody writes elsewhere.
import { targetOf } from "../lib/elements.js";

const TYPING =
  "select, textarea, dialog, [popover], [data-stage], input:not([type=range], [type=radio], [type=checkbox])";

export function listenForKeys(desk) {
  const { cut, edits, past, selection, waveform } = desk;
  const undo = () => past.undo();
  const redo = () => past.redo();
  const split = () => edits.split();

  const presses = {
    undo,
    redo,
    anew: () => desk.keeping.giveUp(),
    play: () => desk.playCut(),
    prev: () => selection.join(-1),
    next: () => selection.join(1),
    toggle: () => edits.toggleSelected(),
    split,
    hear: () => desk.audition(),
    in: () => waveform.zoom(2, selection.focus),
    out: () => waveform.zoom(1 / 2, selection.focus),
    all: () => waveform.show(0, cut.duration),
  };
  for (const [name, does] of Object.entries(presses)) desk.by(name).addEventListener("click", () => does());

  const keys = {
    "[": presses.prev,
    "]": presses.next,
    u: undo,
    U: redo,
    s: split,
    j: presses.hear,
    c: presses.play,
    i: () => selection.mark(false),
    o: () => selection.mark(true),
    "+": presses.in,
    "=": presses.in,
    "-": presses.out,
    0: presses.all,
  };
  const onSelected = { Delete: () => edits.cutSelected(), Backspace: () => edits.cutSelected() };
  const edge = (event) => selection.here + (event.shiftKey ? 0 : 1);
  const onWave = {
    ...onSelected,
    Enter: presses.toggle,
    ArrowRight: (event) => edits.nudge(edge(event), desk.frameSeconds),
    ArrowLeft: (event) => edits.nudge(edge(event), -desk.frameSeconds),
    Home: () => selection.choose(0),
    End: () => selection.choose(cut.list.length - 1),
    Escape: () => selection.none(),
  };

  function meant(event) {
    const isCommand = event.ctrlKey || event.metaKey;
    const isUndoing = isCommand && event.key.toLowerCase() === "z";
    if (event.altKey || targetOf(event).closest(TYPING) || (isCommand && !isUndoing)) return null;
    if (isUndoing) return event.shiftKey ? redo : undo;
    return (
      (event.target === desk.wave && onWave[event.key]) || (cut.selected && onSelected[event.key]) || keys[event.key]
    );
  }

  addEventListener(
    "keydown",
    (event) => {
      const does = meant(event);
      if (!does || !cut.list.length) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      does(event);
    },
    true,
  );
}
