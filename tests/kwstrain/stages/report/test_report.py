"""The page from a world of tones: its numbers, its links, its sounds, and how a browser takes it."""

import hashlib
import json
import math
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from kwsdata.errors import StageInputError
from kwsdata.files.atomic import read_json, write_json
from kwstrain.pages import words
from kwstrain.pages.chart import Axis, decades, round_ticks, steps
from kwstrain.pages.figures import staircase
from kwstrain.stages.evaluate.stage import run as evaluate
from kwstrain.stages.report.stage import run
from kwstrain.stages.report.tables import INT8_HEAD, condition_tables, heat_maps, int8_rows, int8_words, split_rows

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def quantization_of(greatest: int):
    """What the quantization report has of a model that misses 1 of 10 in float and 2 in int8."""
    real = {"accuracy": 0.9, "fnr": 0.1, "fnr_low95": 0.02, "fnr_high95": 0.4, "fah": 0.0}
    small = {"accuracy": 0.885, "fnr": 0.2, "fnr_low95": 0.06, "fnr_high95": 0.5, "fah": 0.5}
    each = {"float32": real, "torch": small, "onnx": small, "tflite": small}
    apart = {"decisions": 12000, "greatest": greatest, "counts": [12000]}
    return {
        "sets": {"dev/clean": each, "test/clean": each, "test/noise_reverb": each},
        "pooled": {"dev": each, "test": each},
        "drop": {"test": {"tflite": 1 - 0.885 / 0.9}, "dev": {"tflite": -0.01}},
        "max_relative_drop": 0.02,
        "apart": {"onnx_torch": apart, "tflite_torch": apart},
        "files": {"model.onnx": {"bytes": 175071}, "model.int8.tflite": {"bytes": 58624}},
    }


@pytest.fixture(scope="module")
def made(project_params, tone_model_dir, tone_world, tmp_path_factory):
    """Paths of everything the page is made of; index, split and student with a row or two."""
    root = tmp_path_factory.mktemp("made")
    evaluate(project_params, tone_model_dir, tone_world, root / "evaluate")
    corpus = {"name": "hum", "role": "noise", "kind": "folder", "licence": "CC0", "citation": "Hum & sons <1999>"}
    write_json(root / "index.json", {"corpora": [corpus | {"clips_by_label": {"noise": 1200}, "synthetic": True}]})
    cell = {"clips": 1200, "hours": 0.5, "speakers": 7}
    write_json(root / "split.json", {"partitions": {"train": {"noise": cell}, "dev": {}, "test": {}}})
    (root / "student").mkdir()
    write_json(root / "student" / "train.json", {"steps": 300, "best_step": 200, "loss": {"name": "ce"}})
    rows = [{"step": s, "dev_fnr": f} for s, f in ((100, 0.5), (200, 0.1), (300, 0.2))]
    (root / "student" / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_json(root / "quantization.json", quantization_of(greatest=0))
    return {
        "quantization": root / "quantization.json",
        "evaluation": root / "evaluate",
        "testsets": tone_world,
        "index": root / "index.json",
        "split": root / "split.json",
        "student": root / "student",
        "model_dir": tone_model_dir,
    }


@pytest.fixture(scope="module")
def report(made, project_params, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("page") / "report"
    run(project_params, **made, out=out)
    return out


class Page(HTMLParser):
    """Text and links of a page; checks that tags close in order."""

    VOID = frozenset({"meta", "link", "br", "img", "hr", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self._open.append(tag)
        for name, value in attrs:
            if name in ("src", "href"):
                self.links.append(value)
            if name == "id":
                self.ids.add(value)

    def handle_startendtag(self, tag, attrs):
        for name, value in attrs:
            if name == "href":
                self.links.append(value)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.text += data


@pytest.fixture(scope="module")
def page(report) -> Page:
    return Page((report / "index.html").read_text())


HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>`javascript:alert(3)`{{ 7 * 7 }}"


def hostile(value, kept=()):
    """`value` with every text in it (but under the keys `kept`) replaced by markup."""
    if isinstance(value, dict):
        return {key: inner if key in kept else hostile(inner, kept) for key, inner in value.items()}
    if isinstance(value, list):
        return [hostile(inner, kept) for inner in value]
    return HOSTILE if isinstance(value, str) else value


def test_no_word_of_what_was_measured_becomes_markup(made, project_params, tmp_path):
    for name in ("evaluation", "student", "testsets"):
        shutil.copytree(made[name], tmp_path / name)
    paths = {name: tmp_path / name for name in ("evaluation", "student", "testsets")}
    for name in ("index", "split"):
        write_json(tmp_path / f"{name}.json", hostile(read_json(made[name])))
        paths[name] = tmp_path / f"{name}.json"
    for path in (
        tmp_path / "evaluation/metrics.json",
        tmp_path / "student/train.json",
        tmp_path / "testsets/testsets.json",
    ):
        write_json(path, hostile(read_json(path), kept=("model_sha256",)))
    run(project_params, **made | paths, out=tmp_path / "out")
    text = (tmp_path / "out" / "index.html").read_text()
    assert HOSTILE in Page(text).text.replace("\u2192", "")  # a reader sees it
    assert text.count("<script>alert") == text.count("<img src=x") == 0


def test_every_link_resolves_and_none_leaves_the_directory(page, report):
    assert page.links
    for link in page.links:
        if not link.startswith("data:"):
            assert (report / link).resolve().is_relative_to(report.resolve())
            assert (report / link).is_file(), link


def test_metrics_json_is_the_contract(report):
    metrics = read_json(report / "metrics.json")
    assert {"threshold", "n_of_m", "warm_up_s", "keyword", "model", "test", "starts"} <= metrics.keys()
    assert {"alarms_per_start", "early_per_start", "fnr"} <= metrics["starts"].keys()
    for numbers in metrics["test"].values():
        for key in ("fnr", "fnr_low95", "fnr_high95", "fah", "fah_upper95", "hours_negative", "n_positive"):
            assert isinstance(numbers[key], (int, float)), key


def test_the_page_says_the_numbers_and_their_limits(page):
    text = " ".join(page.text.split())
    assert "“beep”" in text
    assert "Of 7 spoken keywords, 1 was missed" in text
    assert "14.3 %" in text and "it fired once" in text
    assert "clean: keywords are synthetic voices and say little of people" in text
    assert "cannot show FAH ≤ 1 at 95 %" in text
    assert "Hum & sons <1999>" in text  # escaped in the file, whole for the reader
    assert "1\u202f200 clips, 30.0 min, 7 speakers" in page.text
    assert "kept step 200" in text
    assert "accuracy falls by 0 % on dev and 1.7 % on test, relative; more than 2.0 % would stop" in text
    assert "agree in every one of 12 000 decisions. Files: model.onnx 175.1 KB, model.int8.tflite 58.6 KB." in text
    assert {"numbers", "tradeoff", "sets", "int8", "scores", "examples", "data", "model", "method"} <= page.ids


def test_the_page_says_what_happens_at_a_start(page):
    assert "At a start" in page.text and "starts" in page.ids
    for cell in ("Alarms per start, clips without a keyword", "0 / 3", "2 / 3", "1 / 7"):
        assert cell in page.text
    said = " ".join(page.text.split())
    assert "Of 3 clips without a keyword, none set it off in their first 4 s; the true share" in said
    assert (
        "Of 7 keywords that were alone in their clip it missed 1; it fired before the word was half said in 2" in said
    )
    assert "Scores of a stream's first 0.2 s count as 0" in said


def test_examples_are_the_moments_they_claim(report):
    names = sorted(path.name for path in (report / "audio").iterdir())
    kinds = [name.rsplit("-", 1)[0] for name in names]
    assert (kinds.count("miss"), kinds.count("alarm"), kinds.count("hit")) == (1, 1, 8)
    assert kinds.count("near") == 7  # up to report.examples together with the alarm

    def tone_power(name: str) -> float:
        wave, rate = soundfile.read(report / "audio" / name)
        power = np.square(np.abs(np.fft.rfft(wave)))
        hz = np.fft.rfftfreq(wave.size, 1 / rate)
        return float(power[np.abs(hz - 1000) < 20].sum() / power.sum())

    assert tone_power("alarm-01.flac") > 0.9  # the false friend at 1 kHz
    assert all(tone_power(f"hit-{number:02d}.flac") > 0.9 for number in range(1, 9))
    assert tone_power("miss-01.flac") < 0.3  # the keyword that is too quiet


def test_the_same_inputs_give_the_same_bytes(report, made, project_params, tmp_path):
    run(project_params, **made, out=tmp_path / "again")

    def hashes(root: Path) -> dict[str, str]:
        files = [path for path in sorted(root.rglob("*")) if path.is_file()]
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert hashes(tmp_path / "again") == hashes(report)


def test_stages_that_have_not_run_are_named(made, project_params, tmp_path):
    nowhere = dict.fromkeys(("index", "split", "student", "quantization"), tmp_path / "nowhere")
    none = project_params.model_copy(update={"report": project_params.report.model_copy(update={"examples": 0})})
    run(none, **(made | nowhere), out=tmp_path / "out")
    text = Page((tmp_path / "out" / "index.html").read_text()).text
    assert "Not available: the stage split has not run here." in text
    assert "Not available: the stage index has not run here." in text
    assert "Not available: the stage quantization_report has not run here." in text
    assert "None were asked for" in text
    with pytest.raises(StageInputError, match="dvc repro"):
        run(none, **(made | {"evaluation": tmp_path / "nowhere"}), out=tmp_path / "out")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH to take a screenshot with")
def test_a_browser_shows_it_without_errors(report, tmp_path):
    def shot(width: int, *options: str) -> tuple[np.ndarray, str]:
        profile = tmp_path / f"profile{width}"
        done = subprocess.run(
            [
                *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
                *("--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr"),
                *(f"--user-data-dir={profile}", f"--window-size={width},2000", f"--screenshot={tmp_path}/{width}.png"),
                *options,
                (report / "index.html").as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stderr
        return imread(tmp_path / f"{width}.png")[..., :3], done.stderr

    image, log = shot(1100)
    assert "CONSOLE" not in log
    assert image.shape[:2] == (2000, 1100)
    assert image.mean() > 0.8  # a light page,
    assert (image.max(axis=2) < 0.3).mean() > 0.005  # with ink on it,
    colourful = np.ptp(image, axis=2) > 0.3
    assert colourful[:1000].mean() > 0.001  # and coloured curves in its first half


def test_words():
    assert [words.percent(v) for v in (None, 0, 0.0004, 0.042, 0.4567, 1)] == [
        "-",
        "0 %",
        "0.04 %",
        "4.2 %",
        "45.7 %",
        "100 %",
    ]
    assert [words.rate(v) for v in (None, 0.0, 0.704, 25.09)] == ["-", "0.00", "0.70", "25"]
    assert [words.hours(v) for v in (None, 0.12, 2.5)] == ["-", "7.2 min", "2.50 h"]
    assert words.seconds(-0.5) == "−0.50 s"
    numbers = {"false_alarms": 0, "fah_upper95": 1.2, "hours_negative": 2.5}
    assert "it never fired; the true rate can be put below 1.20 an hour" in words.explain_false_alarms(numbers)
    assert "it fired 3 times." in words.explain_false_alarms(numbers | {"false_alarms": 3, "fah_upper95": None})


def test_axes_and_ticks():
    log = Axis(0.1, 100, 0, 300, log=True)
    assert [log.at(v) for v in (0.1, 1, 10, 100)] == pytest.approx([0, 100, 200, 300])
    assert (log.at(0), log.at(1e6)) == (0, 300)  # kept inside
    assert Axis(0, 1, 200, 0).at(0.25) == 150
    assert decades(0.1, 100) == [0.1, 1, 10, 100]
    assert round_ticks(0.43) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    for high in np.geomspace(1e-3, 1e4, 50):
        ticks = round_ticks(high)
        assert ticks[-1] >= high * 0.999 and 3 <= len(ticks) <= 8
    assert steps([(1, 5), (2, 3)]) == [(1, 5), (2, 5), (2, 3)]


def test_the_staircase_is_the_best_fnr_allowed():
    rows = [{"fah": fah, "fnr": fnr} for fah, fnr in ((0, 0.9), (0, 0.6), (2, 0.7), (3, 0.2), (50, 0.1), (500, 0.0))]
    stairs = staircase(rows, 0.1, 100)
    xs, ys = np.array(stairs).T
    assert (xs[0], ys[0]) == (0.1, 0.6) and xs[-1] == 100
    for allowed in (0.5, 2.5, 10, 60):
        best = min(row["fnr"] for row in rows if row["fah"] <= allowed)
        assert ys[np.flatnonzero(xs <= allowed)[-1]] == best
    assert math.isclose(ys[-1], 0.1)


def test_tables_leave_out_what_there_is_not():
    assert split_rows({}) == []
    assert condition_tables({"test": {"clean": {}}}) == {}
    row = {"snr_db": 5.0, "fnr": 0.5, "fnr_low95": 0.1, "fnr_high95": 0.9, "misses": 1, "n_positive": 2}
    head, rows = condition_tables({"test": {"noise": {"conditions": [row]}}})["noise"]
    assert head[0] == "SNR, dB" and rows == [["5", "50.0 %", "10.0 % to 90.0 %", "1 / 2"]]


def test_float_and_int8_stand_side_by_side():
    rows = int8_rows(quantization_of(greatest=1))
    assert [row[0] for row in rows] == ["test / clean", "test / noise_reverb", "test / all", "dev / clean"]
    assert dict(zip(INT8_HEAD, rows[0], strict=True)) == {
        "Set": "test / clean",
        "FNR, FP32": "10.0 %",
        "INT8 ONNX": "20.0 %",
        "INT8 TFLite": "20.0 %",
        "95 %, TFLite": "6.0 % to 50.0 %",
        "FAH, FP32 / TFLite": "0.00 / 0.50",
        "Accuracy, FP32 / TFLite": "90.00 % / 88.50 %",
    }
    assert "differ by at most 1 of 256 steps in one of" in int8_words(quantization_of(greatest=1))[1]


def test_a_grid_becomes_a_heat_map_with_a_cell_for_each_condition():
    def row(snr_db, t60_s, fnr):
        return {"snr_db": snr_db, "t60_s": t60_s, "fnr": fnr, "fnr_low95": fnr / 2, "fnr_high95": min(1, 2 * fnr)}

    rows = [row(20.0, 0.2, 0.1), row(-5.0, 0.2, 0.9), row(20.0, 0.8, 0.3)]
    found = heat_maps({"test": {"clean": {}, "noise_reverb": {"conditions": rows}}})
    assert list(found) == ["noise_reverb"]
    assert found["noise_reverb"]["columns"] == ["0.2", "0.8"]
    (snr, (first, second)), (low_snr, (third, absent)) = found["noise_reverb"]["rows"]
    assert (snr, low_snr) == ("20", "-5")
    assert (first["shade"], second["shade"], third["shade"]) == (0.1, 0.3, 0.9)
    assert first["interval"] == "5.0 % to 20.0 %"
    assert absent is None
