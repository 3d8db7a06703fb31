"""A field test: counts of recordings, the threshold that comes of them, and what is told of bad input."""

import csv
import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kwsdata.audio import SAMPLE_RATE
from kwsdata.errors import ParamsError, StageInputError
from kwsdata.files.atomic import read_json, write_json
from kwsdata.runtime.detect.command import detect
from kwstrain.field_test.command import field_test

LOUD, FAINT = 0.1, 0.01  # of beeps: scores of 0.995 and 0.68
HOURS = 4 * 30 / 3600


@pytest.fixture
def world(tmp_path, tone_model_dir, beep):
    """Recordings of an hour's thirtieth without 1 kHz but for one faint beep, three keywords, an operating point."""
    for number in range(4):
        beeps = [(10.0, 1000.0, FAINT)] if number == 2 else []
        _write(tmp_path / "kitchen" / f"{number}.wav", beep(30.0, beeps, seed=number))
    for number in range(3):
        _write(tmp_path / "said" / f"{number}.flac", beep(2.0, [(1.0, 1000.0, LOUD)], seed=10 + number))
    sha = read_json(tone_model_dir / "model.json")["sha256"]
    decoder = {"threshold": 0.5, "smooth": 1, "n": 1, "m": 1, "lockout_s": 1.0, "warm_up_s": 0.2}
    write_json(tmp_path / "point.json", decoder | {"model_sha256": sha, "keyword": "beep"})
    return tmp_path


def _write(path: Path, wave: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, wave, SAMPLE_RATE)


@pytest.fixture
def run(world, tone_model_dir):
    """`run(*sounds, keywords=[...], ...)`: the result, and the lines that were written."""

    def go(*sounds: str, keywords: tuple[str, ...] = (), **options):
        lines: list[str] = []
        said: list[str] = []
        result = field_test(
            [world / name for name in sounds],
            [world / name for name in keywords],
            model_dir=tone_model_dir,
            operating_point=options.pop("operating_point", world / "point.json"),
            workers=options.pop("workers", 1),
            write=lines.append,
            warn=said.append,
            **options,
        )
        return result, lines, said

    return go


def test_alarms_are_counted_in_hours_of_sound_and_misses_in_recordings(run):
    result, lines, said = run("kitchen", keywords=("said",))
    shipped = result["as_shipped"]
    assert shipped["hours_negative"] == pytest.approx(HOURS, abs=1e-6)
    assert (shipped["false_alarms"], shipped["misses"], shipped["n_positive"]) == (1, 0, 3)
    assert shipped["fah"] == pytest.approx(1 / HOURS, rel=1e-4)
    assert lines[0] == "0.03 h without the keyword in 4 files, 3 recordings of 'beep'"
    assert any("cannot show a rate of 1 an hour" in line for line in said)


def test_the_chosen_threshold_has_no_alarm_where_none_is_allowed_and_still_hears(run, world, tone_model_dir):
    result, lines, _ = run("kitchen", keywords=("said",), out=world / "out")
    chosen = result["chosen"]
    assert chosen["threshold"] > result["as_shipped"]["threshold"]
    assert (chosen["false_alarms"], chosen["misses"]) == (0, 0)
    # A device set to the file, or to the number that is told, does what was counted.
    threshold = float(lines[-1].rpartition(" ")[2])
    for options in ({"operating_point": world / "out" / "operating_point.json"}, {"threshold": threshold}):
        setting = {"operating_point": world / "point.json"} | options
        for folder, count in (("kitchen", 0), ("said", 3)):
            files = sorted((world / folder).iterdir())
            assert detect(files, tone_model_dir, write=lambda line: None, **setting) == count


def test_without_recordings_of_the_keyword_the_lowest_threshold_is_taken(run):
    alone, _, _ = run("kitchen")
    with_words, _, _ = run("kitchen", keywords=("said",))
    assert alone["chosen"]["false_alarms"] == 0
    assert alone["chosen"]["fnr"] is None
    assert alone["chosen"]["threshold"] <= with_words["chosen"]["threshold"]
    allowed, _, _ = run("kitchen", max_fah=2 / HOURS)  # the one alarm is allowed
    assert allowed["chosen"]["threshold"] < alone["chosen"]["threshold"]


def test_alarms_and_keywords_are_listed_with_their_times(run, world):
    run("kitchen", keywords=("said",), out=world / "out", max_fah=2 / HOURS)
    with (world / "out" / "false_alarms.csv").open() as file:
        first = next(csv.DictReader(file))
    assert first["file"] == str(world / "kitchen" / "2.wav")
    assert float(first["time_s"]) == pytest.approx(10.1, abs=0.2)
    with (world / "out" / "keywords.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["hit"] for row in rows} == {"True"}
    assert all(float(one["vote"]) <= float(other["vote"]) for one, other in itertools.pairwise(rows))


def test_numbers_do_not_depend_on_workers(world, tone_model_dir):
    found = [
        field_test(
            [world / "kitchen"],
            [world / "said"],
            model_dir=tone_model_dir,
            operating_point=world / "point.json",
            workers=workers,
            write=lambda line: None,
            warn=lambda line: None,
        )
        for workers in (1, 2)
    ]
    assert found[0] == found[1]


def test_a_bad_file_is_named_and_left_out_up_to_a_limit(run, world):
    (world / "kitchen" / "broken.wav").write_text("no sound")
    result, _, said = run("kitchen", max_reject_fraction=0.2)
    assert [Path(row["file"]).name for row in result["rejected"]] == ["broken.wav"]
    assert any("broken.wav" in line for line in said)
    assert result["files"] == 4
    with pytest.raises(StageInputError, match=r"1 of 5 files could not be heard.*--max-reject-fraction 0\.05"):
        run("kitchen")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_fah": 0.0}, "--max-fah 0"),
        ({"max_fah": float("nan")}, "--max-fah nan"),
        ({"confidence": 0.5}, "--confidence 0.5"),
        ({"max_reject_fraction": 1.5}, "--max-reject-fraction 1.5"),
        ({"gain_db": 100.0}, "--gain-db 100"),
        ({"workers": -1}, "--workers -1"),
    ],
)
def test_a_setting_out_of_range_is_named(run, options, message):
    with pytest.raises(ParamsError, match=message):
        run("kitchen", **options)


def test_a_missing_or_empty_folder_is_named(run, world):
    (world / "empty").mkdir()
    with pytest.raises(ParamsError, match="absent is missing"):
        run("absent")
    with pytest.raises(ParamsError, match="empty holds no sound files"):
        run("kitchen", keywords=("empty",))


def test_a_file_is_not_counted_as_with_and_without_the_keyword(run):
    with pytest.raises(ParamsError, match=r"0\.flac is given as .* 2 more are: keep them in folders apart"):
        run(".", keywords=("said",))


def test_a_folder_with_other_files_is_not_replaced(run, world):
    with pytest.raises(ParamsError, match="kitchen holds other files"):
        run("kitchen", out=world / "kitchen")
    assert (world / "kitchen" / "0.wav").is_file()


def test_a_gain_lets_a_quiet_recording_be_heard(run, world, beep):
    _write(world / "quiet" / "0.wav", beep(2.0, [(1.0, 1000.0, LOUD)]) * np.float32(1e-3))
    heard = [run("kitchen", keywords=("quiet",), gain_db=gain)[0]["as_shipped"]["misses"] for gain in (0.0, 60.0)]
    assert heard == [1, 0]


def test_it_runs_with_the_base_install_alone(world, tone_model_dir):
    """No package of an extra is loaded, and the command line gives the function's numbers."""
    program = (
        "import sys\nfrom kwstrain.cli import app\n"
        "try:\n    app(sys.argv[1:])\nfinally:\n"
        "    print(*{name.split('.')[0] for name in sys.modules} & {'torch', 'lhotse', 'tensorflow', 'dvc', 'yaml'})\n"
    )
    words = ["field-test", "kitchen", "--keywords", "said", "--json", "--workers", "1"]
    setting = ["--model-dir", str(tone_model_dir), "--operating-point", "point.json"]
    said = subprocess.run(
        [sys.executable, "-c", program, *words, *setting], cwd=world, capture_output=True, text=True, check=True
    ).stdout
    numbers, _, loaded = said.rpartition("\n}")
    assert loaded.strip() == ""
    assert json.loads(numbers + "}")["as_shipped"]["false_alarms"] == 1
