"""Whatever is sent as a parameter, the answer is a sentence: with numbers too large for the machine, too, and with text
that never ends."""

import pytest
from django.http import QueryDict
from django.urls import reverse

from jobs.forms import WorkForm
from jobs.models import Job
from tests import factories
from tests.api import Api, error

pytestmark = pytest.mark.django_db
HUGE = 10**400
BAD = [
    ("silence-cut", {"keep": [[0, HUGE]]}),
    ("silence-cut", {"keep": f"0-{HUGE}"}),
    ("silence-cut", {"keep": f"[[0, {HUGE}]]"}),
    ("silence-cut", {"keep": "[" * 100_000}),
    ("silence-cut", {"keep": "0-1e400"}),
    ("silence-cut", {"keep": "0-1e99999999999999999999"}),
    ("silence-cut", {"keep": "0-nan"}),
    ("silence-cut", {"keep": "[[0, Infinity]]"}),
    ("silence-cut", {"keep": "0-1," * 200_000}),
    ("silence-cut", {"keep": {"0": 1}}),
    ("silence-cut", {"audio_track": "²"}),
    ("silence-cut", {"audio_track": "٣"}),
    ("silence-cut", {"audio_track": "9" * 5000}),
    ("silence-cut", {"audio_track": HUGE}),
    ("silence-cut", {"audio_track": [[[]]]}),
    ("silence-cut", {"threshold_db": -HUGE}),
    ("silence-cut", {"threshold_db": "9" * 5000}),
    ("silence-cut", {"min_clip_ms": HUGE}),
    ("silence-cut", {"min_saving_ms": HUGE}),
    ("silence-cut", {"min_clip_ms": "9" * 5000}),
    ("thumbnails", {"times": [HUGE]}),
    ("thumbnails", {"times": "9" * 400}),
    ("thumbnails", {"times": "9" * 5000}),
    ("thumbnails", {"times": f"{HUGE}:00:00"}),
    ("thumbnails", {"times": "1," * 200_000}),
    ("thumbnails", {"width": HUGE}),
    ("clean-audio", {"strength": HUGE}),
    ("clean-audio", {"highpass_hz": "9" * 5000}),
    ("clean-audio", {"loudness_lufs": -HUGE}),
    ("clean-audio", {"track": HUGE}),
    ("swap-audio", {"balance": HUGE, "mode": "mix", "audio": "7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11"}),
    ("swap-audio", {"audio": HUGE}),
    ("watermark", {"scale": HUGE, "text": "x"}),
]


def name_of(value):
    text = str(value).replace(str(HUGE), "HUGE")
    return text if len(text) < 40 else f"{text[:20]}…"


@pytest.mark.parametrize(("slug", "params"), BAD, ids=name_of)
def test_a_script_is_answered_with_a_sentence(slug, params):
    ann = factories.account()
    response = Api(ann).post("/jobs", {"video": str(factories.video(ann).pk), "operation": slug, "params": params})
    assert error(response) == (422, "invalid")
    (told,) = response.json()["error"]["detail"]
    assert told["field"] == f"params.{next(iter(params))}"
    assert Job.objects.count() == 0


@pytest.mark.parametrize(
    ("slug", "params"), [one for one in BAD if isinstance(next(iter(one[1].values())), str)], ids=name_of
)
def test_a_person_is_answered_with_a_sentence(client, slug, params):
    ann = factories.account()
    client.force_login(ann)
    data = QueryDict(mutable=True)
    data.update(
        {"operations": slug, "thumbnails-mode": "times"} | {f"{slug}-{name}": text for name, text in params.items()}
    )
    (message,) = WorkForm(data).errors
    assert message.endswith(".")
    response = client.post(reverse("video-run", args=[factories.video(ann).pk]), data.dict())
    assert response.status_code == 422
    assert Job.objects.count() == 0


def test_the_last_possible_values_still_work():
    ann = factories.account()
    video = str(factories.video(ann).pk)
    ranges = ", ".join(f"{n / 10}-{n / 10 + 0.05}" for n in range(90))
    for slug, params in (("silence-cut", {"keep": ranges, "audio_track": "0"}), ("thumbnails", {"times": "0:00:09.5"})):
        response = Api(ann).post("/jobs", {"video": video, "operation": slug, "params": params})
        assert response.status_code == 201, response.content
