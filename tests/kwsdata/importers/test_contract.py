"""What every importer owes, on a tiny tree of its own layout with sound in many formats."""

import hashlib
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from corpus_trees import CASES, HZ, SECONDS, Case
from lhotse import CutSet

from kwsdata.audio import SAMPLE_RATE, rms
from kwsdata.clips.corpus import Item
from kwsdata.errors import CorpusError
from kwsdata.importers import KINDS, importer_for
from kwsdata.importers import decode as decode_module
from kwsdata.importers.declaration import Options
from kwsdata.importers.run import run_import
from kwsdata.importers.source import Source
from kwsdata.params import ExecutorParams

SERIAL = ExecutorParams(kind="serial", workers=1, scheduler=None, store=None)
TWO = ExecutorParams(kind="processes", workers=2, scheduler=None, store=None)


def bytes_of(directory: Path) -> dict[str, str]:
    """The hash of every file below `directory`."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def cuts_of(directory: Path) -> list:
    """The corpus as anybody reads it, with Lhotse alone."""
    return list(CutSet.from_shar(in_dir=directory / "shar"))


@pytest.fixture(scope="module")
def lenient(params):
    """A quarter and more of a tiny tree is bad; shards of two clips make several."""
    return params.import_.model_copy(update={"max_reject_fraction": 0.5, "clips_per_shard": 2})


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.kind)
def imported(request, tmp_path_factory, lenient):
    """(case, its tree, the summary, the corpus directory), built once a kind."""
    case: Case = request.param
    root = tmp_path_factory.mktemp(case.kind)
    tree = case.build(root / "tree")
    summary = run_import(
        case.kind, tree, name="tiny", params=lenient, executor=SERIAL, out_root=root / "out", **case.asked
    )
    return case, tree, summary, root / "out/tiny"


def test_every_kind_is_tried_here():
    assert {case.kind for case in CASES} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_declares_licence_citation_role_speakers_and_checksums(kind):
    importer = importer_for(kind)
    assert importer.kind == kind
    assert importer.roles and set(importer.roles) <= {"keyword", "speech", "noise", "rir"}
    assert importer.speakers and importer.layout
    if not importer.role_needed:  # a public corpus, not a container
        assert importer.licence and importer.citation and re.match("https://", importer.source or "")
    for remote in importer.remotes:
        assert re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", remote.checksum)
        assert remote.url.startswith("https://")


def test_summary_says_what_the_tree_holds(imported):
    case, _, summary, directory = imported
    assert summary["kind"] == case.kind
    assert summary["clips"] == case.clips
    assert summary["licence"] == case.licence
    assert summary["hours"] == pytest.approx(case.clips * SECONDS / 3600, abs=1e-4)  # rounded to 4 decimals
    assert summary == json.loads((directory / "corpus.json").read_text())


def test_cuts_are_16_khz_mono_and_the_tone_stays_at_its_pitch_and_level(imported):
    case, _, _, directory = imported
    cuts = cuts_of(directory)
    assert len(cuts) == case.clips
    levels = set()
    for cut in cuts:
        wave = cut.load_audio()
        assert (cut.sampling_rate, wave.shape[0]) == (SAMPLE_RATE, 1)
        # MP3 pads whole frames of 1152 samples at its own rate, and decoders trim them or not
        assert wave.shape[1] / SAMPLE_RATE == pytest.approx(SECONDS, abs=2 * 1152 / 32_000)
        steady = wave[0, 1600:8000]
        spectrum = np.abs(np.fft.rfft(steady * np.hanning(steady.size), n=1 << 16))
        assert np.argmax(spectrum) * SAMPLE_RATE / (1 << 16) == pytest.approx(HZ, abs=0.5)  # two bins
        levels.add(round(rms(steady) * np.sqrt(2), 2))
        assert any(abs(rms(steady) * np.sqrt(2) - (0.2 + 0.03 * n)) < 0.012 for n in range(7))  # lossy: half a step
    assert len(levels) == case.clips


def test_texts_and_speakers_are_found_as_declared(imported):
    case, _, summary, directory = imported
    cuts = cuts_of(directory)
    assert {cut.supervisions[0].text for cut in cuts} == case.texts
    assert summary["speakers"] == ("known" if case.speakers else "unknown")
    assert {cut.custom["speaker"] for cut in cuts} == {f"tiny:{speaker}" for speaker in case.speakers or ()}
    assert {cut.custom["role"] for cut in cuts} == {summary["role"]}


def test_damaged_and_silent_files_are_rejected_with_the_reason(imported):
    case, _, summary, directory = imported
    rejects = json.loads((directory / "rejects.json").read_text())
    assert summary["rejects"] == len(rejects) == 2
    damaged = next(reject for reject in rejects if case.rejects[0] in reject["key"])
    silent = next(reject for reject in rejects if case.rejects[1] in reject["key"])
    assert "cannot be decoded" in damaged["reason"]
    assert re.search(r"silent \(loudest 10 ms at -\d+\.\d dBFS, import.silence_dbfs = -70\)", silent["reason"])
    assert not any(str(directory.parent.parent) in reject["reason"] for reject in rejects)  # no path of this machine


def test_importing_again_changes_no_byte(imported, lenient):
    case, tree, summary, directory = imported
    before = bytes_of(directory)
    again = run_import(
        case.kind, tree, name="tiny", params=lenient, executor=SERIAL, out_root=directory.parent, **case.asked
    )
    assert again == summary
    assert bytes_of(directory) == before
    assert sorted(path.name for path in directory.parent.iterdir()) == ["tiny"]  # no scratch is left


def test_sources_survive_the_way_to_a_worker(imported):
    case, tree, _, _ = imported
    options = Options(
        case.asked.get("role", importer_for(case.kind).roles[0]), speaker_pattern=case.asked.get("speaker_pattern")
    )
    sources = [entry for entry in importer_for(case.kind).read(tree, options) if isinstance(entry, Source)]
    good = next(source for source in sources if not any(part in source.key for part in case.rejects))
    sent = pickle.dumps(good)
    assert len(sent) < 20_000  # a pointer to the sound, not the sound
    with pickle.loads(sent).sound.open() as there, good.sound.open() as here:
        assert there.rate == here.rate
        np.testing.assert_array_equal(there.read(), here.read())


def test_too_many_rejects_fail_and_name_the_limit(imported, lenient, tmp_path):
    case, tree, _, _ = imported
    strict = lenient.model_copy(update={"max_reject_fraction": 0.1})
    with pytest.raises(CorpusError, match=r"import\.max_reject_fraction = 0\.1"):
        run_import(case.kind, tree, name="tiny", params=strict, executor=SERIAL, out_root=tmp_path, **case.asked)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.rejects.json"]


def entries_of(sources, scratch, limits, executor) -> list:
    """What becomes of sources, with the bytes of their clips in place of where these lie."""
    making = decode_module.Making(limits, "speech")
    return [
        (vars(entry) | {"wave": b"".join(entry.wave.blocks())} if isinstance(entry, Item) else entry)
        for entry in decode_module.decode_sources(sources, scratch, making, executor, "try")
    ]


def test_two_workers_give_what_one_gives(tmp_path, lenient, monkeypatch):
    """Sounds of every kind in one pool: starting workers is what takes time here."""
    monkeypatch.setattr(decode_module, "BATCH", 3)
    sources = []
    for case in CASES:
        options = Options("speech")
        read = importer_for(case.kind).read(case.build(tmp_path / case.kind), options)
        sources += [entry for entry in read if isinstance(entry, Source)]
    one, two = (entries_of(sources, tmp_path / executor.kind, lenient, executor) for executor in (SERIAL, TWO))
    assert len(one) == len(two) == len(sources)
    for first, second in zip(one, two, strict=True):
        assert first == second


def test_listing_the_kinds_loads_nothing_heavy():
    code = "import sys, kwsdata.importers as i; assert i.KINDS; print(sorted(set(sys.modules) & set(sys.argv[1:])))"
    heavy = ["lhotse", "torch", "numpy", "soundfile", "datasets", "pydantic"]
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_kind_names_the_known_ones():
    with pytest.raises(CorpusError, match=r"'wavs'.*folder, speech-commands"):
        importer_for("wavs")
