import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe

from jobs.operations import registry
from videoservice.form_renderer import KEPT, KEPT_LETTERS, KeptFields, frozen


def drawn(renderer, **fields) -> str:
    return renderer.render("django/forms/widgets/input.html", {"widget": {"type": "text", "attrs": {}, **fields}})


@pytest.mark.django_db
def test_each_field_of_every_operation_is_drawn_as_django_draws_it():
    kept, plain, count = KeptFields(), DjangoTemplates(), 0
    for operation in registry.every():
        for _ in range(2):  # drawn, and kept
            pairs = zip(operation.form_class(renderer=kept), operation.form_class(renderer=plain), strict=True)
            for ours, theirs in pairs:
                if hasattr(ours.field.widget, "template_name"):  # else the page draws it
                    assert str(ours) == str(theirs)
                    count += 1
    assert count > 100


def test_the_same_is_drawn_once(monkeypatch):
    drawings, real = [], DjangoTemplates.render
    monkeypatch.setattr(DjangoTemplates, "render", lambda *args: drawings.append(args) or real(*args))
    renderer = KeptFields()
    first = [drawn(renderer, name="a", value=value) for value in ("1", "1", 1, "2", mark_safe("<b>"), "<b>")]
    assert len(drawings) == 5, "a number is drawn as a number, and safe words as they are"
    assert first[0] == first[1]
    assert "&lt;b&gt;" in first[-1] and "&lt;" not in first[-2]


def test_what_may_look_another_way_is_not_kept():
    words = ["one", "two"]
    renderer = KeptFields()
    told = [drawn(renderer, name="a", value=lazystr(word)) for word in words]
    assert ["one" in told[0], "two" in told[1]] == [True, True]
    with pytest.raises(TypeError):
        frozen({"widget": forms.TextInput()})


def test_no_more_are_kept_than_so_many():
    renderer = KeptFields()
    for number in range(KEPT + 10):
        drawn(renderer, name="a", value=number)
    assert len(renderer.kept) == KEPT


def test_what_people_typed_takes_no_more_memory_than_it_may():
    renderer = KeptFields()
    for number in range(200):
        drawn(renderer, name="a", value=f"{number:<30000}")
    assert 0 < renderer.kept.letters <= KEPT_LETTERS
    drawn(renderer, name="a", value="first")
    held = renderer.kept.letters
    drawn(renderer, name="a", value="a" * 1_400_000)
    assert renderer.kept.letters == held, "one that is so large is not kept at all, and takes nobody's place"
