"""Long work says how far it is: a bar on a terminal, lines elsewhere, nothing where it is quick."""

import io
import sys

import pytest

from kwsdata.execution.progress import EVERY_S, Lines, counter, progress


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_every_half_a_minute_says_how_far_and_how_long_still(capsys):
    clock = Clock()
    with Lines("train", "step", 3000, first=1000, clock=clock) as bar:
        for _ in range(20):
            bar.set_postfix(loss="0.0421")
            clock.now += EVERY_S / 10
            bar.update(50)
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "train: 1,500 of 3,000 steps after 30 s, about 1 min 30 s left, loss 0.0421",
        "train: 2,000 of 3,000 steps after 1 min 0 s, about 1 min 0 s left, loss 0.0421",
    ]


def test_what_is_not_known_or_all_done_is_not_said(capsys):
    clock = Clock()
    for total, count in ((None, 3), (1, 1)):
        bar = Lines("import", "file", total, clock=clock)
        clock.now += EVERY_S
        bar.update(count)
    assert capsys.readouterr().err.splitlines() == ["import: 3 files after 30 s", "import: 1 of 1 file after 30 s"]


@pytest.mark.parametrize(("shown", "seconds"), [(False, 1000), (True, EVERY_S - 0.1)])
def test_other_processes_and_quick_work_say_nothing(capsys, shown, seconds):
    clock = Clock()
    bar = Lines("train", "step", 10, shown=shown, clock=clock)
    clock.now += seconds
    bar.update()
    assert capsys.readouterr().err == ""


def test_stderr_decides(monkeypatch):
    assert isinstance(counter("train", "step", 10), Lines)  # a test's is no terminal
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(progress([1, 2, 3], "index", "folder")) == [1, 2, 3]
    assert "index: 100%" in terminal.getvalue()
    assert "\r" in terminal.getvalue()
    before = terminal.getvalue()
    assert list(progress([], "index", "folder")) == []
    assert terminal.getvalue() == before
