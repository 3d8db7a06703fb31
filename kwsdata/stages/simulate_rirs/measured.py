"""Measured impulse responses of imported corpora, brought to the bank's conventions.

Of a file with several channels each is a response of its own (`NAME-ch1`, ...), with its own direct path at the
documented sample and level; all are of one room, and so in one partition.

A recording of a room ends in its own noise, which a convolution would add to every clip as a second, dull tail. The
response is therefore cut where its energy, averaged over 20 ms, comes within 3 dB of the noise of its last tenth
(after A. Lundeby et al., Acustica 81, 1995, without the iteration), and faded out over 10 ms.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.clips.corpus import corpus_dirs, read_info
from kwsdata.clips.fields import ClipFields
from kwsdata.clips.partitions import Partition, partition_of
from kwsdata.clips.shards import SHAR, load_audio, shard_cuts
from kwsdata.clips.view import ClipView
from kwsdata.errors import PartitionError
from kwsdata.params import PartitionsParams, SimulateRirsParams
from kwsdata.rooms.bank import DIRECT_SAMPLE, align, measure_t60

_BLOCK = 320  # samples, 20 ms
_FADE = 160


def measured_rirs(
    corpora: Path, params: SimulateRirsParams, partitions: PartitionsParams
) -> Iterator[tuple[str, Partition, ClipFields, Waveform]]:
    """Yield (id, partition, fields, response) of every clip in the `rir` corpora below `corpora`.

    A room is a clip's speaker; `simulate_rirs.measured` puts a whole corpus into one partition.

    Raises:
        PartitionError: a clip has no speaker and its corpus is not in `simulate_rirs.measured`; or that names a
            corpus that is not there.
    """
    infos = {directory: read_info(directory) for directory in corpus_dirs(corpora)}
    names = {info.name for info in infos.values() if info.role == "rir"}
    if unknown := sorted(set(params.measured) - names):
        raise PartitionError(
            f"simulate_rirs.measured names {unknown}, but the corpora of role rir are {sorted(names)}: import them "
            "with `kwsdata import ... --role rir` or remove the lines."
        )
    for directory, info in infos.items():
        if info.role != "rir":
            continue
        for cut in shard_cuts(directory / SHAR):
            clip = ClipView(cut)
            room = clip.speaker
            if info.name not in params.measured and room is None:
                raise PartitionError(
                    f"the rooms of {info.name} are unknown: name its partition in params.yaml, for example "
                    f"`simulate_rirs: {{measured: {{{info.name}: train}}}}`."
                )
            whole = params.measured.get(info.name)
            wave = trim_tail(align(load_audio(cut)), params.max_rir_s)
            fields = ClipFields(
                speaker=room or f"{info.name}:{cut.id}",
                t60_measured_s=round(measure_t60(wave), 4),
                method="measured",
                corpus=info.name,
                licence=clip.licence or info.licence,
                parent=cut.id,
                parent_sha256=clip.audio_sha256,
            )
            if clip.credits is not None:
                fields |= ClipFields(credits=clip.credits)
            yield cut.id, whole or partition_of(str(room), partitions), fields, wave


def trim_tail(wave: Waveform, max_rir_s: float) -> Waveform:
    """Return `wave` [samples] cut where it meets its noise floor, at most `max_rir_s` long, faded out over 10 ms."""
    end = min(wave.size, round(max_rir_s * SAMPLE_RATE))
    blocks = wave.size // _BLOCK
    if blocks >= 20:
        power = np.mean(np.square(wave[: blocks * _BLOCK].reshape(blocks, _BLOCK), dtype=np.float64), axis=1)
        floor = float(np.mean(power[-(blocks // 10) :]))
        above = np.flatnonzero(power > 2 * floor)
        if above.size:
            end = min(end, (int(above[-1]) + 1) * _BLOCK)
    end = max(end, min(wave.size, 2 * DIRECT_SAMPLE))
    kept = wave[:end].copy()
    fade = min(_FADE, max(end - 2 * DIRECT_SAMPLE, 0))
    if fade and end < wave.size:
        kept[end - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return kept
