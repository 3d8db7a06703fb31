"""The documentation as a site: every page, link and sound is there, and each effect has the page that its code says."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from imports import ROOT

from kwsdata.effects.chain import EFFECTS

sys.path.append(str(ROOT / "scripts"))

import make_effects

NAMES = [effect.name for effect in EFFECTS]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built as `make docs` builds it: a broken link or heading ends it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_each_effect_has_its_page_and_no_other_has_one():
    made = make_effects.pages()
    assert made.keys() == {"README.md", *(f"{name}.md" for name in NAMES)}
    assert {path.name for path in (ROOT / "docs/effects").glob("*.md")} == made.keys()
    for name, text in made.items():
        assert (ROOT / "docs/effects" / name).read_text() == text, "type: python scripts/make_effects.py"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_of_the_site_shows_and_plays_the_effect(site, name):
    page = (site / "effects" / name / "index.html").read_text()
    sources = re.findall(r'src="(\.\./media/[^"]+)"', page)
    assert [Path(source).suffix for source in sources] == [".png", ".flac"] * 2
    before, after = (soundfile.read(site / "effects" / name / sound)[0] for sound in sources[1::2])
    assert np.isfinite(after).all()
    assert before.shape != after.shape or not np.array_equal(before, after)  # something is heard
    for picture in sources[::2]:
        assert (site / "effects" / name / picture).read_bytes().startswith(b"\x89PNG")


def test_the_record_on_a_page_makes_the_sound_that_it_plays(site):
    for effect in EFFECTS:
        _, wave = make_effects.sounds(effect)
        packed = io.BytesIO()
        soundfile.write(packed, wave, 16_000, format="FLAC", subtype="PCM_16")
        played, _ = soundfile.read(site / "effects" / "media" / f"{effect.name}-after.flac")
        assert np.array_equal(played, soundfile.read(io.BytesIO(packed.getvalue()))[0])


def test_lists_and_pages_from_the_root_are_on_the_site(site):
    steps = (site / "contributing" / "index.html").read_text()
    recipes = (ROOT / "CONTRIBUTING.md").read_text().count("\n## Add ")
    assert steps.count("<ol>") == recipes  # the code between the steps lies in them
    assert "Unreleased" in (site / "changelog" / "index.html").read_text()


def test_nothing_of_the_site_is_fetched_from_elsewhere(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|link|img|audio)[^>]*(?:src|href)="(https?://[^"]+)"', page.read_text())
        assert not [url for url in loaded if "canonical" not in url], page
