"""Pages that are written for people: no name, text or message of the data becomes markup in one of them."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from kwsdata.stages.check.page import page_of as check_page
from kwsdata.tools.inspect.page import Panel, page_of
from kwsdata.tools.review import export
from kwstrain.experiments import page as experiments
from kwstrain.experiments.read import Experiment

ROOT = Path(__file__).resolve().parents[1]
PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "a`<b onclick=alert(1)>",
    "</title></style></svg><svg onload=alert(1)>",
    "]]><!--<script>alert(1)//-->",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "\u2028</script><script>alert(1)</script>",
    "&lt;script&gt;",
]
WAVE = 0.1 * np.random.default_rng(0).standard_normal(8000).astype(np.float32)


def checked(text, folder):
    finding = {"rule": text, "message": f"{text} `{text}`", "cuts": [text] * 3, "fix": text, "fails": True}
    clips = {text: {text: {"clips": 1, "hours": 1.0, "speakers": 1}}}
    measured = {"clips": clips, "mined": 0, "voices": False, "spectrum_auc": {text: 0.5}}
    return check_page({"passed": False, "findings": [finding], "measured": measured})


def listened(text, folder):
    panel = Panel(text, text, text, WAVE, ((0.0, 0.1, text),))
    return page_of([panel, panel], [text], [(text, text)], [[[text, text], [text, text]]])


def exported(text, folder):
    class Candidates:
        def numbers(self, status, undecided):
            return [0]

        def row(self, number):
            words = dict.fromkeys(("found_by", "clip", "text", "nearest"), text)
            return words | {"rank": 1.0, "similarity": 0.5, "score": None, "at_s": 0.0}

        def place(self, number):
            return None, 0

        def window(self, number):
            return 1600

    export.export_page(Candidates(), folder / "page.html", 1)
    return (folder / "page.html").read_text(encoding="utf-8")


def experimented(text, folder):
    numbers = {"fnr": 0.1, "fnr_low95": 0.05, "fnr_high95": 0.3, "misses": 2, "n_positive": 20, "fah": 0.5}
    numbers |= {"fah_upper95": 3.0}
    metrics = {"keyword": text, "threshold": 0.5, "max_fah": 1.0, "test": {text: numbers}}
    changed = {text: (text, text)}
    found = [Experiment(text, text, metrics=metrics), Experiment(text, text, text, text, changed, metrics)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "read_experiments", lambda root, commits: found)
        experiments.write_experiments(folder, folder / "page.html", 1)
    return (folder / "page.html").read_text()


PAGES = [checked, listened, exported, experimented]


class Found(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.handlers, self.addresses, self.text = [], [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags += [tag] if tag != "code" else []  # what stands between backticks in a message
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def harmless(tmp_path_factory):
    """The same pages about a word without any markup in it."""
    folder = tmp_path_factory.mktemp("harmless")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "window_of", lambda piece, middle: (WAVE, 4000))
        return {page: Found(page("harmless", folder)) for page in PAGES}


@pytest.mark.parametrize("text", PAYLOADS)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)
def test_texts_stay_texts(page, text, harmless, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "window_of", lambda piece, middle: (WAVE, 4000))
    found = Found(page(text, tmp_path))
    assert found.tags == harmless[page].tags
    assert found.handlers == harmless[page].handlers
    assert not any(address.startswith("javascript:") for address in found.addresses)
    assert text[:12].replace("`", "") in found.text.replace("`", "")


def test_templates_of_pages_escape_all_that_is_not_made_by_a_chart():
    """What is marked as safe is made in one place, where each text is escaped; templates mark nothing."""
    marking = {
        path.relative_to(ROOT).as_posix()
        for package in ("kwsdata", "kwstrain")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"\bMarkup\(|\.unescape\(|Environment\(", path.read_text())
    }
    assert marking == {"kwstrain/pages/chart.py", "kwstrain/pages/templating.py"}
    for template in [*ROOT.rglob("kws*/**/*.j2")]:
        assert not re.search(r"\|\s*safe|autoescape", template.read_text()), template
