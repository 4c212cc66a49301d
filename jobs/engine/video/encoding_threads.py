"""How many threads may each decode and encode frames of one track at the same time."""

from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.runtime import processors
from jobs.engine.video.encoder_settings import is_deep

FRAMES_EACH = 40
"""What a decoder and an encoder hold between them, in frames. x265 with B-frames holds more: 50 beside the decoder's
nine, for each of its pictures under way has a copy, a reconstruction, four of half the size, and its coding units, six
frames in all."""
MEMORY_BYTES = 1 << 30
"""For the frames of all threads."""
LARGE_FRAME_BYTES, HUGE_FRAME_BYTES = 10_000_000, 40_000_000
"""What is larger than the first (4K) leaves no memory to look ahead in, what is larger than the second (8K) none for a
picture that another refers to: x265 holds two pictures then instead of four, of up to eight frames each."""


def maximum_threads(track: VideoTrack) -> int:
    """One for each processor, fewer where frames are so large that those of all would not fit into MEMORY_BYTES."""
    return max(1, min(processors.available(), MEMORY_BYTES // (FRAMES_EACH * frame_bytes(track))))


def frame_bytes(track: VideoTrack) -> int:
    """The size of a frame in 4:2:0."""
    return track.width * track.height * 3 // 2 * (2 if is_deep(track.pixel_format) else 1) or 1


def are_large(track: VideoTrack) -> bool:
    """Whether frames are so large that an encoder has to do without B-frames."""
    return frame_bytes(track) > LARGE_FRAME_BYTES


def are_huge(track: VideoTrack) -> bool:
    """Whether frames are so large that an encoder has to do without any that refer to others."""
    return frame_bytes(track) > HUGE_FRAME_BYTES
