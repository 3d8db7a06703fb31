import json

import pytest

from kwsdata import rounds
from kwsdata.errors import KwsError, StageInputError
from kwsdata.rounds import freeze_round, run_rounds


def exported(path, sha):
    path.mkdir(parents=True, exist_ok=True)
    (path / "model.onnx").write_bytes(sha.encode())
    (path / "model.json").write_text(json.dumps({"sha256": sha}))
    (path / "other.bin").write_bytes(b"not part of a model")


def test_each_new_model_gets_the_next_number_and_an_old_one_keeps_its_own(project):
    numbers = []
    for sha in ("a", "b", "a", *"cdefghij", "b"):
        exported(project / "export", sha)
        numbers.append(int(freeze_round(project / "export", project / "rounds").name))
    assert numbers == [1, 2, 1, 3, 4, 5, 6, 7, 8, 9, 10, 2]
    assert (project / "rounds" / "10" / "model.onnx").read_bytes() == b"j"
    assert sorted(path.name for path in (project / "rounds" / "10").iterdir()) == ["model.json", "model.onnx"]


def test_without_a_model_there_is_nothing_to_freeze(project):
    with pytest.raises(StageInputError, match="model.json is missing"):
        freeze_round(project / "export", project / "rounds")


def test_round_r_mines_with_the_model_of_round_r_less_one(project, monkeypatch):
    said = []

    def dvc(*words):
        said.append(words)
        exported(project / "data" / "models" / "export", f"model {len(said)}")

    monkeypatch.setattr(rounds, "_dvc", dvc)
    assert run_rounds(2) == ["round-1", "round-2"]
    assert [words[:2] for words in said] == [("repro",), ("exp", "run"), ("exp", "run")]
    assert [words[-1] for words in said[1:]] == [f"mine_negatives.model=data/rounds/{number}" for number in (1, 2)]
    assert (project / "data/rounds/1/model.onnx").read_text() == "model 1"
    assert (project / "data/rounds/2/model.onnx").read_text() == "model 2"


def test_a_failure_of_dvc_is_not_passed_over(project, monkeypatch):
    with pytest.raises(KwsError, match="`dvc repro` failed"):
        run_rounds(1)
