"""The noise+reverb test set: the same keywords in every cell of a grid of SNR and reverberation time.

Each cell is one stream: again and again `gap_s` of noise, then a keyword in a room of the cell's T60 with the same
noise under it. Its SNR is measured on the active frames of the reverberant keyword. Rooms and noises are of the test
partition alone; every choice is a record in the event's `recipe`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from lhotse import SupervisionSegment

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.fields import ClipFields, EventFields, StreamSegment
from kwsdata.clips.manifests import audio_sha256, make_cut, make_event
from kwsdata.clips.shards import Clip, load_audio
from kwsdata.clips.sources import SourceId, source_ids
from kwsdata.clips.view import ClipView
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
    noises: tuple[ClipView, ...]
    rirs: Path


def cell_tasks(
    words: Sequence[Segment], noises: Sequence[ClipView], grid: NoiseReverbParams, seed: int, keyword: str, rirs: Path
) -> list[CellTask]:
    """Return one task a cell; each hears its own `clips_per_cell` of `words`, chosen by a hash of word and cell."""
    tasks = []
    for t60_s in grid.t60_s:
        for snr_db in grid.snr_db:
            chosen = sorted(words, key=lambda word: unit_for(seed, NAME, snr_db, t60_s, word.clip.audio_sha256))
            chosen = chosen[: grid.clips_per_cell]
            name = f"test-{NAME}-snr{snr_db:g}-t60_{t60_s:g}".replace(".", "_")
            tasks.append(CellTask(name, keyword, seed, snr_db, t60_s, grid.gap_s, tuple(chosen), tuple(noises), rirs))
    return tasks


def render_cell(task: CellTask) -> Clip:
    """Return the stream of one cell: its sound, and a cut with one supervision a keyword."""
    bank = load_bank(task.rirs)
    rooms = Ring(rir for rir, cut in bank.cuts.items() if ClipView(cut).t60_s == task.t60_s)
    noises = SoundPool({noise.id: Sound(noise.place, noise.samples, noise.audio_sha256) for noise in task.noises})
    materials = Materials(bank, noises)
    gap = round(task.gap_s * SAMPLE_RATE)
    waves: list[Waveform] = []
    segments: list[StreamSegment] = []
    supervisions: list[SupervisionSegment] = []
    sources: dict[tuple[str, str], None] = {}
    at = 0
    for word in task.words:
        clip = word.clip
        rng = rng_for(task.seed, NAME, task.snr_db, task.t60_s, clip.audio_sha256)
        draw = CellDraw(
            SourceId(rooms.choose(float(rng.random()))),
            noises.choose(float(rng.random())),
            float(rng.random()),
            task.snr_db,
            task.t60_s,
        )
        named = source_ids(draw)
        clean = np.concatenate([np.zeros(gap, np.float32), load_audio(clip.cut)])
        wave = in_room(clean, bank.only(named).filter(draw.rir))
        noise = noises.only(named).stretch(draw.noise, wave.size, draw.position)
        sources |= {(clip.id, clip.audio_sha256): None}
        sources |= {(source, sha256): None for source in named for sha256 in materials.sha256_of(source)}
        waves.append(fade_ends(below_full_scale(mix(wave, noise, draw.snr_db, active_level(wave)))))
        start, end = word.word or (0, word.samples)
        supervisions.append(
            make_event(
                f"{task.cut_id}-event{len(supervisions):04d}",
                task.cut_id,
                (at + gap + start, at + gap + end),
                task.keyword,
                clip.speaker,
                EventFields(source=clip.id, recipe=asdict(draw)),
            )
        )
        begins, word_begins, ends = (place / SAMPLE_RATE for place in (at, at + gap, at + wave.size))
        segments.append(StreamSegment(begins, word_begins, draw.noise, "noise", "noise"))
        segments.append(StreamSegment(word_begins, ends, clip.id, "keyword", clip.corpus))
        at += wave.size
    wave = np.concatenate(waves)
    fields = ClipFields(set=NAME, partition="test", snr_db=task.snr_db, t60_s=task.t60_s)
    pairs = [list(pair) for pair in sources]
    made = ClipFields(audio_sha256=audio_sha256(wave), segments=segments, sources=pairs)
    cut = make_cut(task.cut_id, at, custom=fields | made)
    cut.supervisions = supervisions
    return Clip(cut, wave)
