"""What files from a site are called here, whatever the site says."""

from pathlib import Path

import pytest

from videoservice.client.downloads import NAME_BYTES, safe


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("talk.mp4", "talk.mp4"),
        ("Vortrag – Größe ½ (2).mp4", "Vortrag – Größe ½ (2).mp4"),
        ("講演.mp4", "講演.mp4"),
        ("", "file"),
        (".", "file"),
        ("..", "file"),
        (" . ", "file"),
        ("/", "file"),
        (".bashrc", "bashrc"),
        ("..mp4", "mp4"),
        (". .ssh", "ssh"),
        ("../../.ssh/authorized_keys", "authorized_keys"),
        ("..\\..\\talk.mp4", "talk.mp4"),
        ("/etc/passwd", "passwd"),
        ("C:\\talk.mp4", "talk.mp4"),
        ("C:talk.mp4", "C_talk.mp4"),
        ("talk.mp4:hidden", "talk.mp4_hidden"),
        ("talk.mp4. ", "talk.mp4"),
        ("a\x00b\x1b[31m\nc\x9b.mp4", "a_b_[31m_c_.mp4"),
        ("talk\u202e4pm.exe", "talk_4pm.exe"),
        ("half\ud800.mp4", "half_.mp4"),
        ("nul.mp4", "_nul.mp4"),
        ("COM1", "_COM1"),
        ("console.mp4", "console.mp4"),
    ],
)
def test_a_name_is_one_of_a_file_that_is_seen_in_its_folder(tmp_path: Path, name: str, saved: str):
    assert safe(name) == saved
    (tmp_path / saved).touch()
    assert [path.name for path in tmp_path.iterdir()] == [saved]


@pytest.mark.parametrize("letter", ["a", "é", "講", "🎥"])
def test_a_long_name_is_cut_to_what_a_file_system_takes_and_keeps_its_suffix(tmp_path: Path, letter: str):
    name = safe(f"{letter * 300}.mp4")
    assert NAME_BYTES - 4 < len(name.encode()) <= NAME_BYTES
    assert name.endswith(f"{letter}.mp4")
    (tmp_path / name).touch()
    assert len(safe("talk." + "x" * 300).encode()) == NAME_BYTES, "such a long suffix is none"
