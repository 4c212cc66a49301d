"""Static files as the site serves them: under names that tell their content, which modules call each other by."""

import hashlib
import json
import posixpath
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

SOURCE = settings.BASE_DIR / "static"
IMPORT = re.compile(r"""\b(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""")
ENTRIES = "scripts/pages/"
SERVICE_WORKER = "scripts/service_worker.js"
"""Browsers are given it by a view: its address says for which pages it may speak."""


@pytest.fixture(scope="module")
def collected(sites, tmp_path_factory) -> Path:
    data = tmp_path_factory.mktemp("static") / "data"
    sites.copy_template(data)
    return data / "static"


@pytest.fixture(scope="module")
def modules(collected) -> dict[str, str]:
    """The name of each module's file, by its own name."""
    names = json.loads((collected / "staticfiles.json").read_text())["paths"]
    return {name: names[name] for name in names if name.startswith("scripts/")}


def imported(folder: Path, name: str) -> list[str]:
    """The names that a script calls others by, from the folder of all static files."""
    said = IMPORT.findall((folder / name).read_text())
    return [posixpath.normpath(posixpath.join(posixpath.dirname(name), one)) for one in said]


def test_every_import_leads_to_a_file_named_by_its_content(collected, modules):
    assert sum(len(imported(SOURCE, name)) for name in modules) > 40
    for name, hashed in modules.items():
        assert imported(collected, hashed) == [modules[one] for one in imported(SOURCE, name)], name
        assert all((collected / one).is_file() for one in imported(collected, hashed))


def test_the_name_of_a_module_changes_with_all_that_it_imports(collected, modules):
    for name, hashed in modules.items():
        digest = hashlib.md5((collected / hashed).read_bytes(), usedforsecurity=False).hexdigest()
        assert hashed == name.removesuffix(".js") + f".{digest[:12]}.js"


def test_every_script_is_reached_from_a_page(modules):
    reached, found = {SERVICE_WORKER}, [name for name in modules if name.startswith(ENTRIES)]
    while found:
        name = found.pop()
        reached.add(name)
        found += [one for one in imported(SOURCE, name) if one not in reached]
    assert reached == {str(path.relative_to(SOURCE)) for path in SOURCE.glob("scripts/**/*.js")}


def test_every_page_loads_modules_only():
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        for script in re.findall(r"<script[^>]*static '(?:scripts|operator)/[^>]*>", path.read_text()):
            assert 'type="module"' in script, path


def test_scripts_are_sent_without_comments_and_blanks(collected, modules):
    source, sent = (SOURCE / "scripts/live.js").read_text(), (collected / modules["scripts/live.js"]).read_text()
    assert source.startswith("// Keeps the page true.")
    assert "// " not in sent
    assert len(sent) < 0.95 * len(source)


def test_files_of_packages_are_sent_as_they_came(collected):
    names = json.loads((collected / "staticfiles.json").read_text())["paths"]
    for name in ("ninja/swagger-ui-bundle.js", "admin/js/core.js"):
        source = Path(finders.find(name)).read_bytes()
        assert (collected / names[name]).read_bytes().startswith(source[:10_000])


def test_a_style_sheet_is_sent_with_all_that_it_says(collected):
    names = json.loads((collected / "staticfiles.json").read_text())["paths"]
    source, sent = (SOURCE / "app.css").read_text(), (collected / names["app.css"]).read_text()
    said = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
    assert sent.split() == said.split(), "no blank between two words is lost"
    assert len(sent) < 0.9 * len(source)
    assert "/*" not in sent
