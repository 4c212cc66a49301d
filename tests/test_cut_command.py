"""`manage.py cut` as a person runs it: a process of its own, and no database within reach."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import opentimelineio as otio
import pytest
from django.core.management import call_command

from jobs.engine.probe.inspection import inspect
from tests.clips import Picture, Sound, make, seen
from tests.media import run_ffmpeg, url

ROOT = Path(__file__).parent.parent
LOUD = [(0.5, 1.0), (2.0, 2.3), (3.1, 3.5)]


@pytest.fixture
def source(tmp_path):
    return make(tmp_path / "talk.mov", Picture(), Sound(LOUD, codec="pcm_s16le", bit_rate=0))


def command(*arguments) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), "cut", *map(str, arguments)]


def environment(tmp_path) -> dict[str, str]:
    """Settings that point at a database and a Redis which nobody can reach."""
    return {
        **os.environ,
        "DATABASE_URL": "mysql://nobody:nothing@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DATA_DIR": f"{tmp_path}-data",
        "SECRET_KEY": "for this test alone, and as long as the checks want it to be",
    }


def run(tmp_path, *arguments, **more) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*arguments), env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=False, **more
    )


def left_over(tmp_path) -> set[str]:
    return {path.name for path in tmp_path.rglob("*")} - {"talk.mov"}


def test_it_cuts_a_file_and_prints_one_line_of_json(source, tmp_path):
    output = tmp_path / "cut.mp4"
    done = run(
        tmp_path,
        source,
        output,
        "--threshold-db",
        "-15",
        "--margin-before-ms",
        100,
        "--margin-after-ms",
        100,
        "--json",
        "--render",
        "encode",
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert told["keep"] == [[0.4, 1.12], [1.88, 2.4], [3.0, 3.6]]
    assert told["source_duration"] == pytest.approx(float(inspect(source).duration), abs=0.03)
    assert told["output_duration"] == 1.84
    assert told["frames"] == 46 == len(seen(output))
    assert told["frames_copied"] == 0
    assert told["render"] == "encode"
    assert set(told["seconds"]) == {"analysis", "render", "verify"}
    assert done.stderr == ""
    assert left_over(tmp_path) == {"cut.mp4"}


def test_without_options_it_chooses_the_threshold_and_says_what_it_did(source, tmp_path):
    done = run(tmp_path, source, tmp_path / "cut.mp4")
    assert done.returncode == 0, done.stderr
    said, checked = done.stdout.splitlines()
    assert said.startswith(f"{tmp_path / 'cut.mp4'}: kept 3 parts, ")
    assert checked.startswith(f"checked: {len(seen(tmp_path / 'cut.mp4'))} frames, 2 joins, drift 0 ms")


def test_given_ranges_are_kept(source, tmp_path):
    done = run(tmp_path, source, tmp_path / "cut.mp4", "--keep", "0.4-0.8, 2-2.4", "--render", "encode")
    assert done.returncode == 0, done.stderr
    assert [one.number for one in seen(tmp_path / "cut.mp4")] == [*range(10, 20), *range(50, 60)]


def test_pauses_can_be_made_shorter(source, tmp_path):
    margins = ("--margin-before-ms", 0, "--margin-after-ms", 0, "--threshold-db", "-15")
    done = run(tmp_path, source, tmp_path / "cut.mp4", *margins, "--pauses", "shorten", "--pause-ms", 240, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["keep"] == [[0.36, 1.12], [1.88, 2.44], [2.96, 3.64]]


def test_pauses_can_be_muted_which_cuts_nothing(source, tmp_path):
    done = run(tmp_path, source, tmp_path / "cut.mp4", "--pauses", "mute")
    assert done.returncode == 0, done.stderr
    said, checked = done.stdout.splitlines()
    assert said.startswith(f"{tmp_path / 'cut.mp4'}: muted 4 pauses. ")
    assert checked.startswith("checked: 100 frames, ")
    assert len(seen(tmp_path / "cut.mp4")) == 100


def test_noise_is_nobodys_voice(source, tmp_path):
    done = run(tmp_path, source, tmp_path / "cut.mp4", "--detector", "voice")
    assert done.returncode == 2
    assert "Nobody speaks" in done.stderr
    assert left_over(tmp_path) == set()


def test_the_cut_is_written_for_other_programs_too(source, tmp_path):
    files = [tmp_path / f"it's <cut>{ending}" for ending in (".otio", ".edl", ".fcpxml", ".XML", ".json")]
    asked = [word for file in files for word in ("--export", file)]
    done = run(tmp_path, source, tmp_path / "cut.mp4", "--keep", "0.4-0.8, 2-2.4", *asked, "--json")
    assert done.returncode == 0, done.stderr
    assert left_over(tmp_path) == {"cut.mp4", *(file.name for file in files)}
    told = json.loads(done.stdout)
    assert told["exports"] == list(map(str, files))
    assert told["export_note"] == ""
    timeline = otio.adapters.read_from_file(str(files[0]))
    for track in timeline.tracks:
        spans = [(clip.source_range.start_time.value, clip.source_range.duration.value) for clip in track]
        assert spans == [(10, 10), (50, 10)]
        assert {clip.media_reference.target_url for clip in track} == {source.as_uri()}
    assert "00:00:00:10 00:00:00:20 01:00:00:00 01:00:00:10" in files[1].read_text()
    assert json.loads(files[4].read_text())["segments"][1] == {
        "old_start": 2.0,
        "old_end": 2.4,
        "new_start": 0.4,
        "rate": 1.0,
    }


def captioned(tmp_path, source, *languages: str) -> Path:
    """The source with a text track in each language: on show from 0.6 to 1 s, and from 1.4 to 1.8 s."""
    words, output = tmp_path / "words", tmp_path / "captioned.mkv"
    words.write_text("1\n00:00:00,600 --> 00:00:01,000\nÜber\n\n2\n00:00:01,400 --> 00:00:01,800\ngone\n")
    inputs = [part for _ in languages for part in ("-f", "srt", "-i", url(words))]
    maps = [part for place in range(len(languages) + 1) for part in ("-map", place)]
    told = [part for place, name in enumerate(languages) for part in (f"-metadata:s:s:{place}", f"language={name}")]
    run_ffmpeg("-i", url(source), *inputs, *maps, *told, "-c", "copy", url(output))
    words.unlink()
    return output


def test_captions_inside_the_recording_are_written_moved_with_the_cut(source, tmp_path):
    talk = captioned(tmp_path, source, "eng")
    folder = tmp_path / "out"
    folder.mkdir()
    files = [folder / "cut.srt", folder / "cut.VTT", folder / "cut.edl"]
    asked = [word for file in files for word in ("--export", file)]
    done = run(tmp_path, talk, folder / "cut.mp4", "--keep", "0.4-1.2, 2-2.4", *asked)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {"cut.mp4", *(file.name for file in files)}
    assert files[0].read_text() == "1\n00:00:00,200 --> 00:00:00,600\nÜber\n"
    assert files[1].read_text() == "WEBVTT\n\n00:00:00.200 --> 00:00:00.600\nÜber\n"
    assert f"{files[0]}: 1 caption in eng\n{files[1]}: 1 caption in eng\n" in done.stdout


def test_of_several_caption_tracks_the_first_has_the_name_and_others_lie_beside_it(source, tmp_path):
    talk = captioned(tmp_path, source, "eng", "deu", "eng")
    done = run(tmp_path, talk, tmp_path / "cut.mp4", "--keep", "0.4-1.2", "--export", tmp_path / "cut.srt", "--json")
    assert done.returncode == 0, done.stderr
    names = [str(tmp_path / name) for name in ("cut.srt", "cut.deu.srt", "cut.eng.2.srt")]
    assert json.loads(done.stdout)["exports"] == names
    assert all("Über" in Path(name).read_text() for name in names)


@pytest.mark.parametrize("languages", [(), ("eng",)])
def test_without_captions_the_cut_is_there_and_a_sentence_says_what_is_not(languages, source, tmp_path):
    """None at all, or none of those inside in what is kept."""
    talk = captioned(tmp_path, source, *languages)
    asked = ("--export", tmp_path / "cut.srt", "--export", tmp_path / "cut.edl")
    done = run(tmp_path, talk, tmp_path / "cut.mp4", "--keep", "2-2.4", *asked)
    assert done.returncode == 2
    assert done.stderr.startswith(f"No captions are in what is kept of captioned.mkv, so {tmp_path / 'cut.srt'} could")
    assert done.stdout.startswith(f"{tmp_path / 'cut.mp4'}: kept 1 part")
    assert left_over(tmp_path) == {"captioned.mkv", "cut.mp4", "cut.edl"}
    assert len(seen(tmp_path / "cut.mp4")) == 10


@pytest.mark.parametrize("output", ["", "cut.mp4"])
def test_without_rendering_only_the_exports_are_written(output, source, tmp_path):
    files = [tmp_path / "cut.edl", tmp_path / "cut.json"]
    asked = ("--keep", "0.4-0.8, 2-2.4", "--render", "none", "--export", files[0], "--export", files[1])
    done = run(tmp_path, source, *asked, *([tmp_path / output] if output else []))
    assert done.returncode == 0, done.stderr
    assert left_over(tmp_path) == {"cut.edl", "cut.json"}
    assert "00:00:00:10 00:00:00:20 01:00:00:00 01:00:00:10" in files[0].read_text()
    said, exported = done.stdout.splitlines()
    assert said == f"{source}: kept 2 parts, 0.8 of 4.0 seconds. No recording was made."
    assert exported == f"{files[0]}, {files[1]}: 20 frames."


def test_without_rendering_the_plan_and_the_captions_are_those_of_a_rendered_cut(source, tmp_path):
    talk = captioned(tmp_path, source, "eng")
    asked = ("--threshold-db", "-15", "--json", "--export", tmp_path / "cut.srt")
    rendered = json.loads(run(tmp_path, talk, tmp_path / "cut.mp4", *asked).stdout)
    words = (tmp_path / "cut.srt").read_text()
    (tmp_path / "cut.srt").unlink()
    planned = json.loads(run(tmp_path, talk, "--render", "none", *asked).stdout)
    assert (tmp_path / "cut.srt").read_text() == words
    assert planned["keep"] == rendered["keep"]
    assert planned["render"] == "none"
    assert planned["frames"] == planned["seconds"]["render"] == 0
    of_a_result = {"render_reason", "checked", "report", "notes", "loudness"}
    of_its_audio = {"audio_copied", "audio_lossless", "audio_reasons", "audio_within_ms"}
    assert planned.keys() == rendered.keys() - of_a_result - of_its_audio


def test_the_output_may_come_behind_options(source, tmp_path):
    done = run(tmp_path, source, "--keep", "0.4-0.8", "--json", tmp_path / "cut.mp4", "--render", "encode")
    assert done.returncode == 0, done.stderr
    assert left_over(tmp_path) == {"cut.mp4"}


def test_an_existing_result_is_replaced(source, tmp_path):
    (tmp_path / "cut.mp4").write_text("old")
    assert run(tmp_path, source, tmp_path / "cut.mp4").returncode == 0
    assert inspect(tmp_path / "cut.mp4").video


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "input"),
        (["{source}"], "Name the output"),
        (["{source}", "--render", "none"], "with --export"),
        (["{source}", "{folder}/cut.mp4", "more"], "more"),
        (["{source}", "{folder}/cut.mp4", "--detector", "smell"], "--detector"),
        (["{source}", "{folder}/cut.mp4", "--threshold-db", "loud"], "--threshold-db"),
        (["{source}", "{folder}/cut.mp4", "--threshold-db", "5"], "between -120 and 0 dBFS"),
        (["{source}", "{folder}/cut.mp4", "--min-clip-ms", "-1"], "between 0 and 3600000"),
        (["{source}", "{folder}/cut.mp4", "--loudness-lufs", "5"], "between -40 and -6 LUFS"),
        (["{source}", "{folder}/cut.mp4", "--audio", "copy", "--loudness-lufs", "on"], "stays as loud as it is"),
        (["{source}", "{folder}/cut.mp4", "--keep", "2"], 'like "1-2.5,4-6"'),
        (["{source}", "{folder}/cut.mp4", "--keep", "1-9"], "lies outside the recording"),
        (["{source}", "{folder}/cut.mp4", "--threshold-db", "-1"], "Choose a threshold"),
        (["{source}", "{folder}/cut.mp4", "--threshold-db", "-119"], "No silence was found"),
        (["{source}", "{folder}/cut.mp4", "--audio-track", "3"], "1 audio tracks"),
        (["{source}", "{source}"], "would replace the recording itself"),
        (["{source}", "{folder}/link.mp4"], "would replace the recording itself"),
        (["{source}", "{folder}/cut.avi"], "ends in .mp4"),
        (["{source}", "{folder}/none/cut.mp4"], "no folder"),
        (
            ["{source}", "{folder}/cut.mp4", "--export", "{folder}/cut.aaf"],
            "ends in .otio, .edl, .fcpxml, .xml, .json, .srt or",
        ),
        (["{source}", "{folder}/cut.mp4", "--export", "{folder}/none/cut.edl"], "no folder"),
        (["{source}", "{folder}/cut.mp4", "--export"], "--export"),
        (["{folder}/none.mp4", "{folder}/cut.mp4"], "no file none.mp4"),
        (["{folder}/text.mp4", "{folder}/cut.mp4"], "."),
    ],
)
def test_wrong_arguments_and_unusable_input_end_with_status_2_and_a_sentence(arguments, said, source, tmp_path):
    (tmp_path / "text.mp4").write_text("no recording\n" * 100)
    (tmp_path / "link.mp4").symlink_to(source)
    before = source.read_bytes()
    done = run(tmp_path, *(text.format(source=source, folder=tmp_path) for text in arguments))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert source.read_bytes() == before
    assert left_over(tmp_path) == {"text.mp4", "link.mp4"}


def test_trouble_that_is_not_the_owners_ends_with_status_1(source, tmp_path):
    """A limit on the size of files stands in for a full disk."""
    done = run(tmp_path, source, tmp_path / "cut.mp4", preexec_fn=_tiny_files)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "could not be" in done.stderr
    assert left_over(tmp_path) == set()


def _tiny_files() -> None:
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_leaves_nothing_behind(number, status, tmp_path):
    source = make(tmp_path / "talk.mov", Picture(seconds=40, size=(640, 480)), Sound([(1, 38)], seconds=40))
    with subprocess.Popen(
        command(source, tmp_path / "cut.mp4"), env=environment(tmp_path), stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: list(tmp_path.glob(".cut-*/picture.mp4")))
        process.send_signal(number)
        told = process.stderr.read()
        assert process.wait(10) == status
    assert told == ""
    assert left_over(tmp_path) == set()


def wait_for(there, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_terminal_gets_a_bar(source, tmp_path):
    leader, follower = pty.openpty()
    with subprocess.Popen(
        command(source, tmp_path / "cut.mp4"), env=environment(tmp_path), stderr=follower, stdout=subprocess.DEVNULL
    ) as process:
        os.close(follower)
        shown = b""
        try:
            while block := os.read(leader, 4096):
                shown += block
        except OSError:  # what a terminal says when its last writer has gone
            pass
        assert process.wait(60) == 0
    os.close(leader)
    assert "] 100 %  Checking the result" in shown.decode()


def test_it_needs_no_folder_that_it_may_write_to_besides_the_output(tmp_path, source):
    env = {name: value for name, value in environment(tmp_path).items() if name != "SECRET_KEY"}
    done = subprocess.run(
        command(source, tmp_path / "out.mp4"),
        env=env | {"DATA_DIR": str(source / "no-folder"), "DJANGO_SETTINGS_MODULE": "videoservice.settings"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_it_loads_neither_django_nor_the_site_s_settings_and_apps(tmp_path):
    argv = [sys.executable, "-X", "importtime", *command("--help")[1:]]
    done = subprocess.run(argv, env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "jobs.engine.pipelines.silence_cut" in loaded
    assert not {"django", "videoservice.settings", "jobs.models", "allauth", "ninja", "redis"} & loaded


def test_pauses_run_faster(source, tmp_path):
    output = tmp_path / "cut.mp4"
    done = run(tmp_path, source, output, "--threshold-db", "-15", "--pauses", "speed", "--speed", "4", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    fast = sum(end - start for start, end in told["fast"])
    assert told["speed"] == 4
    assert told["output_duration"] == pytest.approx(told["source_duration"] - fast * 3 / 4, abs=1e-4)
    assert float(inspect(output).duration) == pytest.approx(told["output_duration"], abs=0.03)


def test_a_speed_that_makes_no_sense_is_refused_with_a_sentence(source, tmp_path):
    done = run(tmp_path, source, tmp_path / "cut.mp4", "--pauses", "speed", "--speed", "1")
    assert done.returncode == 2
    assert "between 1.5 and 100" in done.stderr
    assert left_over(tmp_path) == set()


def test_what_nobody_foresaw_ends_in_a_sentence(monkeypatch, capsys, source, tmp_path):
    def broken(*_, **__):
        raise ValueError("no such thing as -1 pictures")

    monkeypatch.setattr("jobs.engine.probe.discontinuities.inspect", broken)
    with pytest.raises(SystemExit) as ended:
        call_command("cut", str(source), str(tmp_path / "cut.mp4"))
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert said.splitlines()[0].endswith(".")
    assert "no such thing as -1 pictures" in said
