"""Edit decision lists as CMX 3600 systems wrote them, which nearly every editing program still reads."""

import re

from jobs.engine.edit.exports import timecode
from jobs.engine.edit.exports.editlist import EditList

REEL_LENGTH = 8
# Names that stand for something else in the format: any source, black, colour bars.
RESERVED = {"", "AX", "BL", "BLACK", "BARS"}


def text(cut: EditList) -> str:
    """The list: a title, how timecode counts, and for each kept segment one event with the recording's name.

    Video and audio are cut together. The format has two audio channels: more tracks have to be added in the program.
    """
    hour = _hour(cut)
    channels, name = _channels(cut), reel(cut.name)
    lines = [f"TITLE: {cut.title}", f"FCM: {'DROP FRAME' if cut.drop_frame else 'NON-DROP FRAME'}", ""]
    number = 0
    for edit in cut.edits:
        heard = channels[edit.silent]
        if not heard:
            continue
        number += 1
        source, record = cut.start + edit.source, hour + edit.record
        timecodes = (source, source + edit.frames, record, record + edit.lasts)
        lines.append(f"{number:03}  {name:<8} {heard:<5} C        {' '.join(map(cut.timecode, timecodes))}")
        if edit.speed != 1:
            # The speed as frames a second; readers take the timecode of a motion effect with colons alone.
            begin = cut.timecode(source).replace(";", ":")
            lines.append(f"M2   {name:<8}       {float(edit.speed * cut.rate):05.1f}                {begin}")
        lines.append(f"* FROM CLIP NAME:  {cut.name}")
    return "\n".join(lines) + "\n"


def reel(name: str) -> str:
    """A reel's name for a file: up to eight capital letters and digits."""
    short = re.sub(r"[^A-Z0-9]", "", name.rpartition(".")[0].upper() or name.upper())[:REEL_LENGTH]
    return "AX" if short in RESERVED else short


def _channels(cut: EditList) -> tuple[str, str]:
    """What an event takes from the recording, and what it takes where the audio is muted."""
    channels = len(cut.info.audio) and (2 if len(cut.info.audio) > 1 or cut.info.audio[0].channels > 1 else 1)
    if cut.info.video:
        return ("V", "B", "AA/V")[channels], "V"
    return ("", "A", "AA")[channels], ""


def _hour(cut: EditList) -> int:
    """The frame at which programmes begin by custom: one hour. It is never a number that is dropped."""
    return timecode.to_frames("01:00:00;00" if cut.drop_frame else "01:00:00:00", cut.rate)
