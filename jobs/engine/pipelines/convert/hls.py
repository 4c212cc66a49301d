"""HTTP Live Streaming: a recording in several sizes and in short segments; a player takes what its line carries.

All sizes are made from one decoding, and their segments begin with keyframes at the same instants. What comes out is a
zip file: a main playlist (`master.m3u8`), and a folder with a playlist and fragmented MP4 (CMAF) for each size and each
track of sound. The terms are those of RFC 8216.
"""

import dataclasses
import math
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from jobs.engine.audio.decoder import output_channels
from jobs.engine.container import audio_files, demuxing
from jobs.engine.model.mediainfo import AudioTrack, VideoTrack
from jobs.engine.model.report import counted
from jobs.engine.model.told import Told
from jobs.engine.pipelines.convert.conversion import RUNGS, ConvertOptions, check
from jobs.engine.pipelines.convert.ffmpeg_args import audio_options, chain, follow, opened
from jobs.engine.pipelines.convert.framing import Framing, Shape, framing, scaled
from jobs.engine.render.render import whole
from jobs.engine.runtime import processors, zip_archive
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video import color as looks
from jobs.engine.video.color import Colours
from jobs.engine.video.source import Source
from jobs.errors import ToolError

SEGMENT_SECONDS = 4
SUFFIX = ".zip"
MASTER, PLAYLIST = "master.m3u8", "playlist.m3u8"
MAXIMUM_SIZES, MAXIMUM_STEP, MINIMUM_LINES = 5, 0.8, 240
"""A ladder has at most so many sizes, each no more than this share of the one above, none under so many lines."""
KBPS = {2160: 16_000, 1440: 9_000, 1080: 5_000, 720: 2_800, 480: 1_400, 360: 800, 240: 400}
"""What a second of picture may have at most at 30 pictures a second, by the shorter side."""
CRF = "21"
ENCODE_SHARE, PACKED = 0.95, 0.99
"""Of the work: what encoding takes, and when the files are packed."""


@dataclasses.dataclass(frozen=True)
class Rendition:
    """A folder of the result: segments as their lengths in seconds and sizes in bytes. `codec` is RFC 6381's name."""

    name: str
    seconds: tuple[Fraction, ...]
    sizes: tuple[int, ...]
    codec: str

    @property
    def peak(self) -> int:
        """Bits a second of the segment that has most; ends of under half a segment do not count."""
        segments = list(zip(self.seconds, self.sizes, strict=True))
        full = [one for one in segments if one[0] * 2 >= SEGMENT_SECONDS] or segments
        return max(math.ceil(size * 8 / length) for length, size in full)

    @property
    def mean(self) -> int:
        return math.ceil(sum(self.sizes) * 8 / sum(self.seconds))


@dataclasses.dataclass(frozen=True)
class Streamed:
    """What was made: its sizes with the folders they are in, largest first."""

    ladder: tuple[Framing, ...]
    video_renditions: tuple[Rendition, ...]
    audio_renditions: tuple[Rendition, ...]

    @property
    def summary(self) -> str:
        """What was done, in a sentence without its full stop."""
        names = ", ".join(one.name for one in self.video_renditions)
        return f"{names}, {counted(len(self.video_renditions[0].seconds), 'segment')}"

    def to_json(self) -> dict[str, Any]:
        return {
            **Told(summary=self.summary).to_json(),
            "main": MASTER,
            "variants": [
                {
                    "name": one.name,
                    "width": framed.size[0],
                    "height": framed.size[1],
                    "bandwidth": one.peak,
                    "average_bandwidth": one.mean,
                }
                for framed, one in zip(self.ladder, self.video_renditions, strict=True)
            ],
            "segments": len(self.video_renditions[0].seconds),
            "segment_seconds": SEGMENT_SECONDS,
        }


def ladder(track: VideoTrack, shape: Shape) -> tuple[Framing, ...]:
    """The sizes, largest first: the recording's own, or the requested one, and usual ones below."""
    shape = dataclasses.replace(shape, frame_rate=shape.frame_rate or steady_rate(track))
    framings = [framing(track, shape, square=True)]
    for rung in RUNGS:
        if MINIMUM_LINES <= rung <= framings[-1].short_side * MAXIMUM_STEP and len(framings) < MAXIMUM_SIZES:
            framings.append(framing(track, shape.at_most(rung), square=True))
    return tuple(framings)


def steady_rate(track: VideoTrack) -> Fraction:
    """Pictures a second: the recording's own, or a usual number near it where that varies."""
    if track.frame_rate and not track.variable_rate:
        return track.frame_rate
    return Fraction(min(60, max(25, round(track.frame_rate))))


def stream(source: Source, shape: Shape, output: Path, work: Workspace) -> Streamed:
    """Write the zip file `output`, which appears when it is whole.

    Raises InputError, ToolError, ResourceError, and what `work.progress` raises.
    """
    info, encoding, packing = source.info, work.share(0, ENCODE_SHARE), work.share(ENCODE_SHARE, PACKED)
    check(info, ConvertOptions(shape=shape))
    work.progress(0, "Reading the picture")
    sizes = ladder(info.require_video(), shape)
    colours = looks.read(source.path, info)
    stage = f"Encoding {counted(len(sizes), 'size')}"
    with tempfile.TemporaryDirectory(dir=work.scratch, prefix=".hls-") as name, whole(output) as part:
        folder = Path(name) / "stream"
        folder.mkdir()
        command = argv(source, sizes, colours, folder, Path(name))
        follow(command, info, lambda done: encoding.progress(done, stage), work.log)
        video = tuple(rendition(folder, name_of(one)) for one in sizes)
        audio = tuple(rendition(folder, f"sound-{number}") for number in range(1, len(info.audio) + 1))
        require_aligned(video, info.duration)
        (folder / MASTER).write_text(master(sizes, video, audio, info.audio), encoding="utf-8")
        for done in packed(folder, part):
            packing.progress(float(done), "Packing the files")
    work.progress(1, "Packing the files")
    return Streamed(sizes, video, audio)


def name_of(one: Framing) -> str:
    return f"{one.short_side}p"


def argv(source: Source, sizes: Sequence[Framing], colours: Colours, folder: Path, scratch: Path) -> list[str]:
    """ffmpeg's command line from a recording to the folders of its renditions."""
    info = source.info
    colouring = looks.filters(colours, scratch, deep=False, keep=False)
    # Segments need pictures at even distances: one that stays for long could not begin anew.
    filters = ",".join([f"fps={sizes[0].rate}", *chain(sizes[0], colouring, colours)])
    outs = "".join(f"[v{index}]" for index in range(len(sizes)))
    graph = [f"[0:{info.require_video().index}]{filters},split={len(sizes)}{outs.replace('v', 's')}"]
    graph += [f"[s{index}]{scaled(one.size) if index else 'null'}[v{index}]" for index, one in enumerate(sizes)]
    command = [
        *(*opened(source), "-filter_complex", ";".join(graph)),
        *(
            "-threads:v",
            str(processors.available()),
            "-c:v",
            "libx264",
            "-preset",
            "fast",
            "-profile:v",
            "high",
            "-crf",
            CRF,
            "-pix_fmt",
            "yuv420p",
        ),
        *("-fps_mode:v", "vfr", "-enc_time_base:v", "filter"),
        # The same keyframes in every size, and none that depends on what a size shows.
        *("-force_key_frames:v", f"expr:gte(t,n_forced*{SEGMENT_SECONDS})", "-sc_threshold", "0", "-g", "9999"),
    ]
    for index, one in enumerate(sizes):
        kbps = maximum_kbps(one)
        command += ["-map", f"[v{index}]", f"-maxrate:v:{index}", f"{kbps}k", f"-bufsize:v:{index}", f"{2 * kbps}k"]
    group = ",agroup:sound" if info.audio else ""
    streams = [f"v:{index}{group},name:{name_of(one)}" for index, one in enumerate(sizes)]
    for index, track in enumerate(info.audio):
        kbps = audio_files.FORMATS["m4a"].usual_kbps(output_channels(track))
        command += ["-map", f"0:{track.index}", *audio_options("m4a", track, index, kbps)]
        streams.append(f"a:{index}{group},name:sound-{index + 1}")
    return [
        *(*command, "-map_metadata", "-1", "-map_chapters", "-1", "-progress", "pipe:1"),
        *("-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_playlist_type", "vod", "-hls_list_size", "0"),
        *("-hls_segment_type", "fmp4", "-hls_flags", "independent_segments", "-var_stream_map", " ".join(streams)),
        *("-hls_segment_filename", f"{folder}/%v/%05d.m4s", f"{folder}/%v/{PLAYLIST}"),
    ]


def maximum_kbps(one: Framing) -> int:
    """As many bits for a pixel as the usual size nearest to it has, and half as many more for twice the pictures."""
    near = min(KBPS, key=lambda short: abs(short - one.short_side))
    share = Fraction(one.size[0] * one.size[1], near * near * 16 // 9)
    return max(100, round(KBPS[near] * share * (Fraction(3, 2) if one.rate > 35 else 1)))


def rendition(folder: Path, name: str) -> Rendition:
    """Read what ffmpeg wrote into a folder. Raises ToolError when a file that a playlist names is not there."""
    path = folder / name
    lines = (path / PLAYLIST).read_text(encoding="utf-8").splitlines()
    seconds = [Fraction(line.removeprefix("#EXTINF:").rstrip(",")) for line in lines if line.startswith("#EXTINF:")]
    files = [line for line in lines if line and not line.startswith("#")]
    (begin,) = (line.split('"')[1] for line in lines if line.startswith("#EXT-X-MAP:"))
    if not seconds or lines[-1] != "#EXT-X-ENDLIST" or not all((path / file).is_file() for file in (begin, *files)):
        raise _faulty("\n".join(lines))
    sizes = [(path / file).stat().st_size for file in files]
    return Rendition(name, tuple(seconds), tuple(sizes), codec_of(path / begin))


def codec_of(begin: Path) -> str:
    """RFC 6381's name of what a track's first file declares."""
    with demuxing.opened(begin, "mov") as container:
        context = container.streams[0].codec_context
        if context.type == "audio":
            return "mp4a.40.2"
        assert context.extradata is not None
        # Profile, compatibility and level follow the version in avcC.
        return f"avc1.{bytes(context.extradata)[1:4].hex()}"


def require_aligned(video: Sequence[Rendition], duration: Fraction) -> None:
    """Raise ToolError unless all sizes have the same segments, which last as long as the recording."""
    first = video[0].seconds
    if any(one.seconds != first for one in video) or abs(sum(first) - duration) > max(Fraction(1), duration / 50):
        raise _faulty("\n".join(f"{one.name}: {[float(length) for length in one.seconds]}" for one in video))


def _faulty(detail: str) -> ToolError:
    return ToolError(
        "The stream did not come out as planned, so it was thrown away. Tell the operator, who can see why.",
        detail=detail,
    )


def master(
    sizes: Sequence[Framing], video: Sequence[Rendition], audio: Sequence[Rendition], tracks: Sequence[AudioTrack]
) -> str:
    """The main playlist. Rates are measured: a size's own, and those of the track of sound that has most."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for index, (rendition, track) in enumerate(zip(audio, tracks, strict=True)):
        called = quoted(track.title or track.language or f"Sound {index + 1}")
        language = f',LANGUAGE="{quoted(track.language)}"' if track.language else ""
        first = "YES" if index == 0 else "NO"
        lines.append(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="{called}"{language},DEFAULT={first},AUTOSELECT=YES,'
            f'CHANNELS="{output_channels(track)}",URI="{rendition.name}/{PLAYLIST}"'
        )
    for framed, one in zip(sizes, video, strict=True):
        peak = one.peak + max((rendition.peak for rendition in audio), default=0)
        mean = one.mean + max((rendition.mean for rendition in audio), default=0)
        codecs = ",".join(dict.fromkeys([one.codec, *(rendition.codec for rendition in audio)]))
        width, height = framed.size
        lines.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={mean},RESOLUTION={width}x{height},"
            f'FRAME-RATE={float(framed.rate):.3f},CODECS="{codecs}"' + (',AUDIO="sound"' if audio else "")
        )
        lines.append(f"{one.name}/{PLAYLIST}")
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Text as a quoted string may hold it: no quotes, no line breaks."""
    return " ".join(text.replace('"', "'").split())


def packed(folder: Path, output: Path) -> Iterator[Fraction]:
    """Write the files of a folder into a zip file. Yields the share done."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return zip_archive.stored([(str(path.relative_to(folder)), path) for path in files], output)
