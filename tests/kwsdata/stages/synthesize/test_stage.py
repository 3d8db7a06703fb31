"""The stage as a whole, on the fast engine: what it writes, and that it writes the same again."""

import shutil

import pytest

pytest.importorskip("hibari", reason="pronunciations come with the extra `kokoro`")
pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")

from kwsdata.audio import SAMPLE_RATE, active_span
from kwsdata.clips.corpus import read_info
from kwsdata.clips.partitions import partition_of
from kwsdata.clips.shards import load_audio, shard_cuts
from kwsdata.errors import MissingExtraError, ParamsError
from kwsdata.files.atomic import read_json, sha256_of
from kwsdata.stages.synthesize import transcripts
from kwsdata.stages.synthesize.stage import run
from kwsdata.stages.synthesize.transcripts import explain_mismatch


def small(params, keyword="hey lumen", executor=None, **changes):
    counts = {"positives": 6, "confusables": 8, "sentences": 5}
    synthesize = params.synthesize.model_copy(
        update={
            "engines": ["espeak"],
            "espeak": params.synthesize.espeak.model_copy(update=counts),
            "noises": params.synthesize.noises.model_copy(update={"clips": 10, "duration_s": 0.5}),
            "confusable_words": 12,
        }
        | changes
    )
    return params.model_copy(
        update={
            "synthesize": synthesize,
            "keyword": params.keyword.model_copy(update={"text": keyword}),
            "executor": params.executor.model_copy(update=executor or {"kind": "serial"}),
        }
    )


def contents(directory):
    return {path.relative_to(directory): sha256_of(path) for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory, params):
    """What the stage returned and wrote; its cache is beside it."""
    root = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("KWSDATA_CACHE", str(root / "cache"))
        return run(small(params), root / "one"), root / "one"


def test_two_corpora_are_written_and_declare_themselves_synthetic(made):
    summary, out = made
    for name, role in (("speech", "speech"), ("noise", "noise")):
        info = read_info(out / name)
        assert info.synthetic
        assert info.role == role
        assert info.speakers == "known"
    assert summary["noise"]["clips"] == 10
    total = sum(count for kinds in summary["speech"]["clips"]["espeak"].values() for count in kinds.values())
    assert total == 6 + 8 + 5


def test_cuts_say_who_what_and_how(made, params):
    cuts = list(shard_cuts(made[1] / "speech"))
    assert {cut.custom["kind"] for cut in cuts} >= {"keyword", "confusable", "sentence"}
    for cut in cuts:
        (said,) = cut.supervisions
        custom = cut.custom
        assert custom["synthetic"] is True
        assert custom["engine"] == "espeak"
        assert custom["role"] == ("keyword" if custom["kind"] == "keyword" else "speech")
        assert (said.text == "hey lumen") == (custom["kind"] == "keyword")
        assert said.speaker == custom["speaker"] == f"synthetic-speech:espeak/{custom['request']['voice']}"
        assert partition_of(custom["speaker"], params.partitions) in ("train", "dev", "test")


def test_the_supervision_is_the_voice(made):
    for cut in shard_cuts(made[1] / "speech"):
        wave, said = load_audio(cut), cut.supervisions[0]
        start, end = active_span(wave, 45)
        assert said.start == pytest.approx(start / SAMPLE_RATE, abs=0.0101)  # one 10 ms frame
        assert said.end == pytest.approx(end / SAMPLE_RATE, abs=0.0101)


def test_the_phrases_are_written_for_people(made):
    found = read_json(made[1] / "confusables.json")
    assert found["keyword"] == "hey lumen"
    assert len(found["confusables"]) == 12
    assert {"text", "phonemes", "distance"} == set(found["confusables"][0])
    assert "hey" in {phrase["text"] for phrase in found["partials"]}


def test_the_same_params_give_the_same_bytes_from_an_empty_cache_and_two_processes(made, project, params, monkeypatch):
    monkeypatch.setenv("KWSDATA_CACHE", str(project / "another_cache"))
    run(small(params, executor={"kind": "processes", "workers": 2}), project / "two")
    assert contents(made[1]) == contents(project / "two")


def test_another_keyword_speaks_no_sentence_again(made, project, params):
    shutil.copytree(made[1].parent / "cache", project / "cache")
    before = set((project / "cache").rglob("*.npz"))
    run(small(params, keyword="snowboy"), project / "two")
    added = set((project / "cache").rglob("*.npz")) - before
    assert len(added) == 2  # a batch of keywords and one of what sounds like it


def test_an_unknown_engine_and_a_language_nobody_speaks_are_errors(project, params):
    with pytest.raises(ParamsError, match="festival"):
        run(small(params, engines=["festival"]), project / "out")
    german = small(params, engines=["kokoro"])
    german = german.model_copy(update={"keyword": german.keyword.model_copy(update={"language": "de"})})
    with pytest.raises(ParamsError, match="'kokoro' does not speak"):
        run(german, project / "out")


def test_the_transcript_gate_asks_for_its_extra(project, params):
    try:
        transcripts.check_installed()
    except MissingExtraError as error:
        assert "kwsdata[asr]" in str(error)
        gate = params.synthesize.gate.model_copy(update={"transcript": True})
        with pytest.raises(MissingExtraError):
            run(small(params, gate=gate), project / "out")
    else:
        pytest.skip("the extra `asr` is installed: nothing is missing")


def test_the_transcript_gate_drops_what_is_not_understood(project, params, monkeypatch):
    heard = ["hey lumen", "Hey, Lumen.", "hay women", "", "thank you very much", "hey lumen"]
    monkeypatch.setattr("kwsdata.stages.synthesize.stage.check_installed", lambda: None)
    monkeypatch.setattr("kwsdata.stages.synthesize.stage.transcripts", lambda batches, executor: heard)
    gate = params.synthesize.gate.model_copy(update={"transcript": True})
    lenient = small(params, gate=gate)
    lenient = lenient.model_copy(update={"import_": params.import_.model_copy(update={"max_reject_fraction": 0.5})})
    run(lenient, project / "out")
    rejects = read_json(project / "out" / "speech" / "rejects.json")
    assert [row["key"] for row in rejects] == ["espeak-keyword-00003", "espeak-keyword-00004"]
    assert all(row["reason"].startswith("not understood") for row in rejects)


def test_a_transcript_is_judged_by_sound(params):
    assert explain_mismatch("Hay, loomin'.", "hey lumen", "en-us", 0.3) is None
    assert explain_mismatch("", "hey lumen", "en-us", 0.3) is not None
