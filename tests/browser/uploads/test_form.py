"""Recordings are uploaded, with the work to be done on them."""

import re

import pytest
from playwright.sync_api import expect

from jobs.models import Job, Upload, Video
from tests import media
from tests.browser.uploads.page import SLOW, mine, offsets, opened, untick_all


@pytest.fixture
def talk(tmp_path):
    """Four seconds, of which the second is silent."""
    return media.video(tmp_path / "team-talk.mp4", "-af", "volume=0:enable='between(t,1,2)'", seconds=4)


def test_several_recordings_land_on_the_queue_with_their_work(library, site, email, talk, tmp_path):
    other = media.video(tmp_path / "garden.mp4", seconds=2)
    library.set_input_files("#id_file", [talk, other])
    expect(library.locator("#files li")).to_have_count(2)
    library.get_by_label("Cut the silence", exact=True).uncheck()
    library.locator("#settings-thumbnails summary").click()
    library.locator("[name='thumbnails-count']").fill("2")
    library.get_by_role("button", name="Upload 2 recordings").click()
    library.wait_for_url("**/queue/")
    expect(library.locator("article.job")).to_have_count(2)
    expect(library.locator("article.job .chip", has_text="Done")).to_have_count(2, timeout=SLOW)
    jobs = mine(site, email, Job)
    assert [(job.operation, job.params["count"]) for job in jobs] == [("thumbnails", 2)] * 2
    assert {video.title for video in mine(site, email, Video)} == {"team talk", "garden"}
    assert mine(site, email, Upload) == []


def test_the_main_job_from_drop_to_playing_the_result(library, site, talk):
    library.set_input_files("#id_file", talk)
    library.locator("#settings-silence-cut summary").click()
    library.locator("[name='silence-cut-threshold_db']").fill("-40")
    library.get_by_role("button", name="Upload", exact=True).click()
    library.wait_for_url("**/queue/")
    cut = library.locator("article.job", has_text="Cut the silence")
    expect(cut.locator(".chip")).to_have_text("Done", timeout=SLOW)
    expect(cut).to_contain_text(re.compile(r"0:04 became 0:03"))
    cut.get_by_role("link", name="Play").click()
    film = cut.locator(".opened video")
    film.evaluate("film => new Promise(done => film.ended ? done() : film.addEventListener('ended', done))")
    assert film.evaluate("film => film.duration") == pytest.approx(3.4, abs=0.3)  # margins of 0.2 s stay
    with library.expect_download() as download:
        cut.get_by_role("link", name="Download team talk (cut).mp4").click()
    assert download.value.suggested_filename == "team talk (cut).mp4"


def test_dropped_files_are_taken_too(library, talk):
    data = library.evaluate_handle(
        """name => { const data = new DataTransfer(); data.items.add(new File(["x"], name)); return data; }""",
        talk.name,
    )
    bar = library.locator("#drop-more")
    bar.locator("summary b").first.click()
    expect(bar).not_to_have_attribute("open", "")
    library.dispatch_event("body", "dragover", {"dataTransfer": data})
    expect(library.locator("#upload")).to_have_class(re.compile("over"))
    expect(bar).to_have_attribute("open", "")
    library.dispatch_event("body", "dragleave", {"dataTransfer": data})
    expect(bar).not_to_have_attribute("open", "")
    library.dispatch_event("body", "dragover", {"dataTransfer": data})
    library.dispatch_event("body", "drop", {"dataTransfer": data})
    expect(library.locator("#files")).to_contain_text(talk.name)


def test_what_is_no_recording_is_told_beside_its_name_and_the_rest_is_kept(library, site, email, tmp_path):
    notes = tmp_path / "notes.mp4"
    notes.write_text("not a recording at all\n" * 50)
    library.get_by_label("Cut the silence", exact=True).uncheck()
    library.locator("#settings-thumbnails summary").click()
    library.locator("[name='thumbnails-count']").fill("3")
    library.set_input_files("#id_file", notes)
    library.locator("#send").click()
    file = library.locator("#files li")
    expect(file.get_by_role("alert")).not_to_be_empty()
    assert file.get_by_role("alert").inner_text().endswith(".")
    expect(library.locator("[name='thumbnails-count']")).to_have_value("3")
    expect(library.get_by_label("Cut the silence", exact=True)).not_to_be_checked()
    assert mine(site, email, Video) == mine(site, email, Upload) == []


def test_one_bad_file_does_not_hold_up_the_others(library, site, email, talk, tmp_path):
    notes = tmp_path / "notes.mp4"
    notes.write_text("not a recording at all\n" * 50)
    library.set_input_files("#id_file", [notes, talk])
    library.locator("#send").click()
    library.get_by_role("link", name="The other one has arrived: see the queue").click()
    expect(library.locator("article.job")).to_have_count(1)
    assert [video.title for video in mine(site, email, Video)] == ["team talk"]


def test_the_rest_is_in_the_library_when_nothing_was_to_be_done(library, site, email, talk, tmp_path):
    notes = tmp_path / "notes.mp4"
    notes.write_text("not a recording at all\n" * 50)
    untick_all(library)
    library.set_input_files("#id_file", [notes, talk])
    library.locator("#send").click()
    library.get_by_role("link", name="The other one has arrived: see the library").click(timeout=SLOW)
    expect(library.locator("#grid")).to_contain_text("team talk")


def test_the_bar_is_full_when_all_has_arrived(library, talk, tmp_path):
    notes = tmp_path / "notes.mp4"
    notes.write_text("not a recording at all\n" * 50)
    library.set_input_files("#id_file", [notes, talk])
    library.locator("#send").click()
    row = library.locator("#files li", has_text=talk.name)
    expect(row).to_contain_text("uploaded", timeout=SLOW)
    assert row.locator("progress").evaluate("bar => bar.value / bar.max") == 1


@pytest.mark.parametrize("work", [True, False], ids=["with work", "without work"])
def test_a_recording_that_is_here_is_used_when_asked_for(library, site, email, talk, work):
    untick_all(library)
    library.set_input_files("#id_file", talk)
    library.locator("#send").click()
    library.wait_for_url("**/videos/*/", timeout=SLOW)
    address = library.url
    library.goto("/")
    untick_all(library)
    if work:
        library.get_by_label("Thumbnails", exact=True).check()
    sent = offsets(library)
    library.set_input_files("#id_file", talk)
    library.locator("#send").click()
    question = library.get_by_role("alertdialog", name="This recording seems to be here already")
    expect(question).to_contain_text("“team talk” has the same file name and size as “team-talk.mp4”.")
    library.keyboard.press("Escape")
    expect(question).to_be_hidden()
    assert sent == [] and mine(site, email, Job) == []
    library.locator("#send").click()
    question.get_by_role("button", name="Use the one that is here").click()
    library.wait_for_url("**/queue/" if work else address)
    assert sent == []
    assert len(mine(site, email, Video)) == 1
    assert [job.operation for job in mine(site, email, Job)] == (["thumbnails"] if work else [])


def test_the_same_recording_under_another_name_is_told_afterwards(library, site, email, talk, tmp_path):
    other = tmp_path / "renamed.mp4"
    other.write_bytes(talk.read_bytes())
    for file in (talk, other):
        library.goto("/")
        untick_all(library)
        library.set_input_files("#id_file", file)
        library.locator("#send").click()
        library.wait_for_url("**/videos/*/", timeout=SLOW)
    expect(library.locator("#messages")).to_have_text(
        "“renamed” is the same recording as “team talk”, which was here already."
    )


def test_wrong_settings_are_told_before_anything_is_sent(library, site, email, talk):
    sent = offsets(library)
    library.locator("#settings-silence-cut summary").click()
    library.locator("[name='silence-cut-threshold_db']").fill("loud")
    library.set_input_files("#id_file", talk)
    library.locator("#send").click()
    expect(library.locator("#files li").get_by_role("alert")).to_contain_text("Cut the silence, silence is below")
    assert sent == []
    assert mine(site, email, Video) == []


def test_an_empty_choice_is_told(library):
    library.locator("#send").click()
    expect(library.get_by_role("alert")).to_have_text("Choose a recording first, or paste the address of one.")
    expect(library.locator("#choose")).to_be_focused()


def test_settings_show_for_what_is_ticked_and_for_the_mode_that_needs_them(library):
    settings = library.locator("#settings-thumbnails")
    library.get_by_label("Thumbnails", exact=True).uncheck()
    expect(settings).to_be_hidden()
    library.get_by_label("Thumbnails", exact=True).check()
    settings.locator("summary").click()
    expect(settings.locator("[name='thumbnails-count']")).to_be_visible()
    expect(settings.locator("[name='thumbnails-times']")).to_be_hidden()
    settings.locator("[name='thumbnails-mode']").select_option("times")
    expect(settings.locator("[name='thumbnails-times']")).to_be_visible()


def test_work_for_pictures_is_offered_again_with_the_first_film(library, talk, tmp_path):
    library.set_input_files("#id_file", media.audio(tmp_path / "interview.wav", seconds=1))
    expect(library.get_by_label("Thumbnails", exact=True)).to_be_hidden()
    library.set_input_files("#id_file", talk)
    expect(library.get_by_label("Thumbnails", exact=True)).to_be_visible()
    expect(library.get_by_label("Thumbnails", exact=True)).to_be_checked()


@pytest.mark.parametrize("java_script_enabled", [True, False], ids=["script", "no script"])
def test_sound_alone_is_welcome_with_untouched_settings(new_page, site, client, email, tmp_path, java_script_enabled):
    page = new_page(site, client, java_script_enabled=java_script_enabled)
    page.goto("/")
    opened(page)
    page.set_input_files("#id_file", media.audio(tmp_path / "interview.wav", seconds=2))
    if java_script_enabled:
        for name in ("Thumbnails", "Watermark", "Trailer"):
            expect(page.get_by_label(name, exact=True)).to_be_hidden()
        expect(page.locator("#settings-thumbnails")).to_be_hidden()
    page.locator("#send").click()
    page.wait_for_url("**/queue/")
    left_out = page.get_by_text("Thumbnails was left out: “interview” is sound only.")
    expect(left_out).to_have_count(0 if java_script_enabled else 1)
    assert [job.operation for job in mine(site, email, Job)] == ["silence-cut"]
    assert [video.title for video in mine(site, email, Video)] == ["interview"]


def test_the_form_works_without_javascript(new_page, site, client, email, talk):
    page = new_page(site, client, java_script_enabled=False)
    page.goto("/")
    expect(page.get_by_text("256 MB in one go")).to_be_visible()
    opened(page)
    page.set_input_files("#id_file", talk)
    page.get_by_label("Cut the silence", exact=True).uncheck()
    page.locator("#send").click()
    assert page.url.endswith("/queue/")
    expect(page.locator("article.job")).to_have_count(1)
    (video,) = mine(site, email, Video)
    assert video.title == "team talk"


def test_what_is_for_browsers_without_scripts_is_not_seen(library):
    assert library.locator(".no-js").count() >= 2
    expect(library.locator(".no-js").filter(visible=True)).to_have_count(0)


def test_a_form_shows_the_fields_of_the_chosen_way_alone(library):
    library.get_by_label("Split", exact=True).check()
    library.locator("#settings-split summary").click()

    def shown() -> list[str]:
        fields = library.locator("#settings-split :is(input, select):visible").all()
        return [(field.get_attribute("name") or "").removeprefix("split-") for field in fields]

    after = ["at", "pack", "container"]
    assert shown() == ["by", "minutes", *after]
    library.locator("[name='split-by']").select_option("times")
    assert shown() == ["by", "times", *after]
    library.locator("[name='split-by']").select_option("chapters")
    assert shown() == ["by", *after]
    library.locator("[name='split-by']").select_option("megabytes")
    assert shown() == ["by", "megabytes", "pack", "container"]
    library.locator("[name='split-by']").select_option("silences")
    of_pauses = ["min_silence_ms", "min_part_seconds", "audio_track"]
    assert shown() == ["by", "detector", "threshold_db", *of_pauses, *after]
    library.locator("[name='split-detector']").select_option("voice")
    assert shown() == ["by", "detector", *of_pauses, *after]


def test_another_file_takes_the_place_of_a_refused_one(library, site, email, talk, tmp_path):
    untick_all(library)
    wrong = tmp_path / "notes.mp4"
    wrong.write_bytes(b"no film at all")
    library.set_input_files("#id_file", wrong)
    library.locator("#send").click()
    files = library.locator("#files")
    other = files.get_by_role("button", name="Choose another")
    expect(other).to_be_focused(timeout=SLOW)
    with library.expect_file_chooser() as chooser:
        other.click()
    chooser.value.set_files(talk)
    expect(files.locator("li")).to_have_count(1)
    expect(files).to_contain_text("team-talk.mp4")
    library.locator("#send").click()
    library.wait_for_url("**/videos/*/", timeout=SLOW)
    assert [video.title for video in mine(site, email, Video)] == ["team talk"]
