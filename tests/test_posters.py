"""The poster of a recording, chosen among its thumbnails and taken back."""

import pytest
from django.urls import reverse
from PIL import Image

from jobs import storage
from jobs.errors import InputError
from jobs.live import rows
from jobs.models import Artifact, Job, Video
from jobs.services import jobs, posters
from tests import factories
from tests.picture_clips import solid

pytestmark = pytest.mark.django_db
RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


@pytest.fixture
def ann(client):
    account = factories.account("ann@example.org")
    client.force_login(account)
    return account


@pytest.fixture
def video(ann):
    made = factories.video(ann)
    made.poster = f"videos/{made.pk}/poster.jpg"
    made.save()
    put(made.poster, RED)
    return made


def put(key, colour, size=(1280, 720), kind="JPEG"):
    storage.path(key).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(solid(colour, size)).save(storage.path(key), kind)


def thumbnail(video, colour, kind="JPEG", **metadata):
    job = factories.job(video.owner, video=video, status=Job.Status.SUCCEEDED)
    key = f"artifacts/{job.pk}/1.{kind.lower()}"
    put(key, colour, kind=kind)
    metadata = metadata or {"time": 3.0}
    return Artifact.objects.create(job=job, kind="image", name="1", key=key, size=9, media_type="x", metadata=metadata)


def shown(video):
    """Format, size and colour of the poster."""
    with Image.open(storage.path(Video.objects.get(pk=video.pk).poster)) as picture:
        return picture.format, picture.size, picture.getpixel((5, 5))


def near(colour):
    return pytest.approx(colour, abs=6)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_one_click_makes_a_picture_the_poster(client, video, kind):
    picture = thumbnail(video, GREEN, kind)
    page = video.get_absolute_url()

    response = client.post(reverse("artifact-poster", args=[picture.pk]), HTTP_REFERER=f"http://testserver{page}")

    assert response["Location"] == f"http://testserver{page}"
    assert shown(video) == ("JPEG", (640, 360), near(GREEN))
    assert "This picture is the poster now." in client.get(page).content.decode()


def test_the_first_one_can_be_brought_back(client, video):
    client.post(reverse("artifact-poster", args=[thumbnail(video, GREEN).pk]))
    client.post(reverse("artifact-poster", args=[thumbnail(video, BLUE).pk]))

    client.post(reverse("video-poster-back", args=[video.pk]))

    assert shown(video)[2] == near(RED)
    assert [file.name for file in storage.path(f"videos/{video.pk}").iterdir()] == ["poster.jpg"]


def test_a_recording_without_a_poster_goes_back_to_none(client, ann):
    video = factories.video(ann)
    client.post(reverse("artifact-poster", args=[thumbnail(video, GREEN).pk]))
    assert shown(video)[2] == near(GREEN)

    client.post(reverse("video-poster-back", args=[video.pk]))

    assert client.get(reverse("video-poster", args=[video.pk])).status_code == 404


def test_each_choice_has_an_address_of_its_own(video):
    addresses = {video.poster_url}
    for colour in (GREEN, BLUE):
        posters.choose(thumbnail(video, colour))
        addresses.add(Video.objects.get(pk=video.pk).poster_url)

    assert len(addresses) == 3


def test_the_poster_outlives_the_work_it_came_from(client, video):
    picture = thumbnail(video, GREEN)
    posters.choose(picture)

    jobs.remove(picture.job)

    assert shown(video)[2] == near(GREEN)


def test_the_page_offers_undo_beside_the_chosen_picture_only(client, video):
    chosen, other = thumbnail(video, GREEN), thumbnail(video, BLUE)
    posters.choose(chosen)

    page = client.get(video.get_absolute_url()).content.decode()

    assert page.count(reverse("video-poster-back", args=[video.pk])) == 2  # action and hx-post of one form
    assert reverse("artifact-poster", args=[other.pk]) in page
    assert reverse("artifact-poster", args=[chosen.pk]) not in page


def test_rows_of_open_pages_look_different_afterwards(video):
    picture = thumbnail(video, GREEN)
    before = rows.stamp(Job.objects.get(pk=picture.job_id))

    posters.choose(picture)

    assert rows.stamp(Job.objects.get(pk=picture.job_id)) != before


def test_scripts_hear_the_new_address(client, video):
    response = client.post(
        reverse("artifact-poster", args=[thumbnail(video, GREEN).pk]), headers={"HX-Request": "true"}
    )

    assert response["X-Poster"] == Video.objects.get(pk=video.pk).poster_url
    assert "This picture is the poster now." in response.content.decode()


def test_a_picture_of_many_moments_is_refused(client, video):
    sheet = thumbnail(video, GREEN, columns=3)

    with pytest.raises(InputError, match="Choose a thumbnail"):
        posters.choose(sheet)
    assert reverse("artifact-poster", args=[sheet.pk]) not in client.get(video.get_absolute_url()).content.decode()


def test_a_picture_whose_file_is_gone_leaves_the_poster(client, video):
    picture = thumbnail(video, GREEN)
    storage.delete(picture.key)

    page = client.post(reverse("artifact-poster", args=[picture.pk]), follow=True).content.decode()

    assert "This picture is gone" in page
    assert shown(video)[2] == near(RED)
    assert len(list(storage.path(f"videos/{video.pk}").iterdir())) == 1


def test_a_look_at_it_changes_nothing(client, video):
    made = thumbnail(video, GREEN)
    for name, pk in (("artifact-poster", made.pk), ("video-poster-back", video.pk)):
        assert client.get(reverse(name, args=[pk])).status_code == 302
    assert Video.objects.get(pk=video.pk).poster == video.poster
