"""The noise+reverb test set: the same keywords in every cell of a grid of SNR and reverberation time.

Each cell is one stream: again and again `gap_s` of noise, then a keyword in a room of the cell's T60 with the same
noise under it. Its SNR is measured on the active frames of the reverberant keyword. Rooms and noises are of the test
partition alone; every choice is a record in the event's `custom["recipe"]`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from lhotse import MonoCut, SupervisionSegment

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.manifests import audio_sha256, make_cut
from kwsdata.clips.shards import Clip, load_audio
from kwsdata.clips.sources import SourceId, source_ids
from kwsdata.consistent_hash import Ring
from kwsdata.draws import rng_for, unit_for
from kwsdata.params import NoiseReverbParams
from kwsdata.pools.materials import Materials
from kwsdata.pools.sounds import Sound, SoundPool
from kwsdata.rooms.bank import in_room, load_bank
from kwsdata.stages.make_testsets.plan import Segment
from kwsdata.stages.make_testsets.render import fade_ends
from kwsdata.transforms.levels import active_level, below_full_scale, mix

NAME = "noise_reverb"


@dataclass(frozen=True)
class CellDraw:
    """What one keyword of one cell got."""

    rir: SourceId
    noise: SourceId
    position: float
    snr_db: float
    t60_s: float


@dataclass(frozen=True)
class CellTask:
    """One cell to render."""

    cut_id: str
    keyword: str
    seed: int
    snr_db: float
    t60_s: float
    gap_s: float
    words: tuple[Segment, ...]
    noises: tuple[MonoCut, ...]
    rirs: Path


def cell_tasks(
    words: Sequence[Segment], noises: Sequence[MonoCut], grid: NoiseReverbParams, seed: int, keyword: str, rirs: Path
) -> list[CellTask]:
    """Return one task a cell; each hears its own `clips_per_cell` of `words`, chosen by a hash of word and cell."""
    tasks = []
    for t60_s in grid.t60_s:
        for snr_db in grid.snr_db:
            chosen = sorted(
                words, key=lambda word: unit_for(seed, NAME, snr_db, t60_s, (word.cut.custom or {})["audio_sha256"])
            )[: grid.clips_per_cell]
            name = f"test-{NAME}-snr{snr_db:g}-t60_{t60_s:g}".replace(".", "_")
            tasks.append(CellTask(name, keyword, seed, snr_db, t60_s, grid.gap_s, tuple(chosen), tuple(noises), rirs))
    return tasks


def render_cell(task: CellTask) -> Clip:
    """Return the stream of one cell: its sound, and a cut with one supervision a keyword."""
    bank = load_bank(task.rirs)
    rooms = Ring(rir for rir, cut in bank.cuts.items() if (cut.custom or {}).get("t60_s") == task.t60_s)
    noises = SoundPool({cut.id: _sound(cut) for cut in task.noises})
    materials = Materials(bank, noises)
    gap = round(task.gap_s * SAMPLE_RATE)
    waves: list[Waveform] = []
    segments: list[list[object]] = []
    supervisions: list[SupervisionSegment] = []
    sources: dict[tuple[str, str], None] = {}
    at = 0
    for word in task.words:
        custom = word.cut.custom or {}
        rng = rng_for(task.seed, NAME, task.snr_db, task.t60_s, custom["audio_sha256"])
        draw = CellDraw(
            SourceId(rooms.choose(float(rng.random()))),
            noises.choose(float(rng.random())),
            float(rng.random()),
            task.snr_db,
            task.t60_s,
        )
        named = source_ids(draw)
        clean = np.concatenate([np.zeros(gap, np.float32), load_audio(word.cut)])
        wave = in_room(clean, bank.only(named).filter(draw.rir))
        noise = noises.only(named).stretch(draw.noise, wave.size, draw.position)
        sources |= {(word.cut.id, custom["audio_sha256"]): None}
        sources |= {(source, sha256): None for source in named for sha256 in materials.sha256_of(source)}
        waves.append(fade_ends(below_full_scale(mix(wave, noise, draw.snr_db, active_level(wave)))))
        start, end = word.word or (0, word.samples)
        supervisions.append(
            SupervisionSegment(
                id=f"{task.cut_id}-event{len(supervisions):04d}",
                recording_id=task.cut_id,
                start=(at + gap + start) / SAMPLE_RATE,
                duration=(end - start) / SAMPLE_RATE,
                text=task.keyword,
                speaker=custom.get("speaker"),
                custom={"event": "keyword", "source": word.cut.id, "recipe": asdict(draw)},
            )
        )
        for begin, stop, source, label, corpus in (
            (at, at + gap, draw.noise, "noise", "noise"),
            (at + gap, at + wave.size, word.cut.id, "keyword", custom["corpus"]),
        ):
            segments.append([begin / SAMPLE_RATE, stop / SAMPLE_RATE, source, label, corpus])
        at += wave.size
    wave = np.concatenate(waves)
    fields = {"set": NAME, "partition": "test", "snr_db": task.snr_db, "t60_s": task.t60_s}
    made = {"audio_sha256": audio_sha256(wave), "segments": segments, "sources": [list(pair) for pair in sources]}
    cut = make_cut(task.cut_id, at, custom=fields | made)
    cut.supervisions = supervisions
    return Clip(cut, wave)


def _sound(cut: MonoCut) -> Sound:
    custom = cut.custom or {}
    return Sound(custom["shard"], cut.recording.num_samples, custom["audio_sha256"])
