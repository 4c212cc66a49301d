"""The one style sheet: layers by part, nothing that depends on the order of rules, nothing that no page uses."""

import re

import pytest
from django.conf import settings

LAYERS = (
    *("tokens", "base", "layout", "parts", "library", "queue", "recording", "do", "chains", "account", "operators"),
    "scripting",
)
RULES = """() => {
  const found = [], value = (rule, name) => rule.style.getPropertyValue(name);
  const walk = (rules, layer, where) => {
    for (const rule of rules) {
      if (rule instanceof CSSLayerBlockRule) walk(rule.cssRules, rule.name, where);
      else if (rule instanceof CSSMediaRule) walk(rule.cssRules, layer, `${where}@media ${rule.conditionText} `);
      else if (rule instanceof CSSStyleRule)
        found.push([layer, where, rule.selectorText, [...rule.style].map((name) => [name, value(rule, name)])]);
    }
  };
  walk([...document.styleSheets].find((sheet) => sheet.href.includes("app.")).cssRules, "", "");
  return found;
}"""
COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(")
CLASS = re.compile(r"\.([a-z][\w-]*)")
STATES_OF_LIBRARIES = {"htmx-request"}


@pytest.fixture(scope="module")
def rules(browser, site):
    """Of each rule: its layer, its media, its selector, and what it sets."""
    page = browser.new_page(base_url=site.url)
    page.goto("/accounts/login/")
    found = page.evaluate(RULES)
    page.close()
    return found


def selectors(text):
    """The parts of a list of selectors."""
    parts, depth, begin = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append(text[begin:at].strip())
            begin = at + 1
    return [*parts, text[begin:].strip()]


def test_every_rule_is_in_a_layer(rules):
    assert list(dict.fromkeys(layer for layer, *_ in rules)) == [
        name for name in LAYERS if name in {r[0] for r in rules}
    ]
    assert {layer for layer, *_ in rules} <= set(LAYERS)


def test_no_rule_overrides_another_by_its_place(rules):
    seen, twice = {}, []
    for layer, media, text, sets in rules:
        for selector in selectors(text):
            for name, value in sets:
                place = (layer, media, selector, name)
                if seen.setdefault(place, value) != value:
                    twice.append(place)
    assert twice == []


def test_colours_are_tokens(rules):
    loose = [
        (selector, name, value)
        for layer, _, selector, sets in rules
        for name, value in sets
        if layer != "tokens" and COLOUR.search(value)
    ]
    assert loose == []


def test_every_class_is_on_a_page(rules):
    styled = {name for _, _, selector, _ in rules for name in CLASS.findall(selector)} - STATES_OF_LIBRARIES
    places = ("templates/**/*.html", "static/scripts/**/*.js", "jobs/**/*.py")
    written = " ".join(file.read_text() for place in places for file in settings.BASE_DIR.glob(place))
    assert styled - set(re.findall(r"[\w-]+", written)) == set()
