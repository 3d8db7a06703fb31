"""The gate on recordings of people: changed copies across partitions are refused, different recordings are not."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import fftconvolve

from kwsdata.audio import SAMPLE_RATE, Waveform, read_audio, resample
from kwsdata.clips.corpus import CorpusInfo, Item, write_corpus
from kwsdata.clips.manifests import with_fields, write_cuts
from kwsdata.clips.shards import shard_cuts
from kwsdata.stages.check.stage import GateError, run
from kwsdata.transforms.warp import warp

DIFFERENT = 40
SECONDS = 4.0
APART = {"same_sound", "similar_sound", "shared_speaker", "speaker_namesake", "cross_partition_source"}
HOMES = ("train", "dev", "test")


def faster(wave: Waveform) -> Waveform:
    return resample(wave, round(1.05 * SAMPLE_RATE), SAMPLE_RATE)


def higher(wave: Waveform) -> Waveform:
    return warp(wave, 2 ** (1 / 12), 1.0)


def in_room(wave: Waveform, room: Waveform) -> Waveform:
    return fftconvolve(wave, room)[: wave.size].astype(np.float32)


@pytest.fixture(scope="module")
def recordings(real_data) -> list[Waveform]:
    files = sorted((real_data / "speech_english_libri").rglob("*.ogg"))
    chosen = [files[place] for place in np.linspace(0, len(files) - 1, DIFFERENT).astype(int)]
    return [resample(*read_audio(file))[: round(SECONDS * SAMPLE_RATE)] for file in chosen]


def gate(params, partitions: dict[str, list[Waveform]]) -> tuple[list[dict], str]:
    """Return the findings of leaks, and what ended the pipeline, of a project with these sounds in each partition."""
    Path("data/split").mkdir(parents=True)
    for name, waves in partitions.items():
        info = CorpusInfo(name, "folder", "speech", "CC-BY-4.0", "none", "LibriSpeech", "known")
        items = [Item(f"{number}", wave, None, f"{name} {number}") for number, wave in enumerate(waves)]
        write_corpus(Path("data/corpora") / name, info, items, 100, 0.0)
        cuts = [with_fields(cut, label="speech") for cut in shard_cuts(Path("data/corpora") / name)]
        write_cuts(Path(f"data/split/{name}.jsonl.gz"), cuts)
    params = params.model_copy(
        update={
            "executor": params.executor.model_copy(update={"kind": "serial"}),
            "embed": params.embed.model_copy(update={"embedder": None}),
        }
    )
    try:
        run(params)
        ended = ""
    except GateError as error:
        ended = str(error)
    findings = json.loads(Path("data/check/check.json").read_text())["findings"]
    return [finding for finding in findings if finding["rule"] in APART], ended


@pytest.mark.parametrize("home", ["dev", "test"])
def test_copies_of_held_recordings_that_were_sped_up_pitched_and_in_a_room_are_refused(
    project, params, real_data, recordings, home
):
    room = resample(*read_audio(sorted((real_data / "impulse_responses_voxengo").glob("*.flac"))[3]))
    originals, others = recordings[::8], recordings[1::8]
    changed = [faster(w) for w in originals] + [higher(w) for w in originals] + [in_room(w, room) for w in originals]
    corpora = {"train": [*others, *changed], "dev": recordings[2::8], "test": recordings[3::8]}
    findings, ended = gate(params, corpora | {home: originals})
    again = {tuple(finding["cuts"]) for finding in findings}
    assert again == {(f"train-{len(others) + n}", f"{home}-{n % len(originals)}") for n in range(len(changed))}
    assert {finding["rule"] for finding in findings} == {"similar_sound"}
    assert f"similar_sound: {len(changed)}" in ended


def test_forty_recordings_of_different_people_are_no_copies(project, params, recordings):
    assert gate(params, {name: recordings[number::3] for number, name in enumerate(HOMES)}) == ([], "")
