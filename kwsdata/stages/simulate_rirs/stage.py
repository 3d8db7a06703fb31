"""Draw rooms, simulate them, add measured ones, and store each partition's bank.

    data/rirs/{train,dev,test}/     Shar directories of 24-bit FLAC (conventions: kwsdata.rooms.bank)
    data/rirs/rirs.json             counts, and how near the simulated T60 are to their targets

Each cut's custom: label and role `rir`, speaker (the room: "room:0012"), partition, gain, t60_s (the target, simulated
rooms only), t60_measured_s, distance_m, dimensions, method, recipe.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kwsdata.audio import Waveform
from kwsdata.clips.fields import ClipFields
from kwsdata.clips.manifests import audio_sha256, make_cut, safe_id
from kwsdata.clips.partitions import PARTITIONS, Partition, partition_of
from kwsdata.clips.shards import Clip, write_shard
from kwsdata.clips.view import Fields
from kwsdata.execution.executor import run_tasks
from kwsdata.files.atomic import atomic_path, write_json
from kwsdata.params import Params
from kwsdata.rooms.bank import BITS, to_stored
from kwsdata.rooms.room import RoomDraw, draw_room, grid_rooms, is_grid
from kwsdata.rooms.simulate import simulate_room
from kwsdata.stages.simulate_rirs.measured import measured_rirs


def run(params: Params, out: Path = Path("data/rirs"), corpora: Path = Path("data/corpora")) -> dict[str, Any]:
    """Write `out/{train,dev,test}/` and `out/rirs.json`; return the latter.

    Raises:
        PartitionError: see `kwsdata.stages.simulate_rirs.measured`.
    """
    block = params.simulate_rirs
    rooms = [draw_room(block, number) for number in range(block.rooms)] + grid_rooms(block, params.noise_reverb)
    with atomic_path(out) as scratch:
        bank = _BankWriter(scratch, block.rirs_per_shard)
        simulate = partial(simulate_room, max_rir_s=block.max_rir_s)
        for room, responses in zip(rooms, run_tasks(simulate, rooms, params.executor, "rooms", reads=()), strict=True):
            partition = "test" if is_grid(room.room) else partition_of(room.room, params.partitions)
            bank.add_room(room, partition, responses)
        for rir_id, partition, fields, wave in measured_rirs(corpora, block, params.partitions):
            bank.add(rir_id, partition, fields, wave)
        summary = bank.close()
        write_json(scratch / "rirs.json", summary)
    return summary


class _BankWriter:
    """Shards of each partition, written as they fill."""

    def __init__(self, directory: Path, rirs_per_shard: int) -> None:
        self.directory = directory
        self.rirs_per_shard = rirs_per_shard
        self.waiting: dict[Partition, list[Clip]] = {name: [] for name in PARTITIONS}
        self.shards: dict[Partition, int] = dict.fromkeys(PARTITIONS, 0)
        self.rooms: dict[Partition, set[str]] = defaultdict(set)
        self.methods: dict[str, int] = defaultdict(int)
        self.count: dict[Partition, int] = dict.fromkeys(PARTITIONS, 0)
        self.errors: list[float] = []
        for name in PARTITIONS:
            (directory / name).mkdir(parents=True)

    def add_room(self, room: RoomDraw, partition: Partition, responses: Iterable[tuple[ClipFields, Waveform]]) -> None:
        for number, (fields, wave) in enumerate(responses):
            rir_id = f"{safe_id(room.room)}-{number}"
            self.add(rir_id, partition, ClipFields(speaker=room.room) | fields, wave)
            told = Fields(rir_id, fields)
            if told.t60_s is not None:
                self.errors.append(told.t60_measured_s / told.t60_s - 1)

    def add(self, rir_id: str, partition: Partition, fields: ClipFields, wave: Waveform) -> None:
        stored, gain = to_stored(wave)
        fields = ClipFields(corpus="simulated", licence="CC0-1.0") | fields
        fields |= ClipFields(label="rir", role="rir", partition=partition, gain=gain, audio_sha256=audio_sha256(stored))
        told = Fields(rir_id, fields)
        self.waiting[partition].append(Clip(make_cut(rir_id, stored.size, custom=fields), stored))
        self.rooms[partition].add(str(told.speaker))
        self.methods[told.method] += 1
        self.count[partition] += 1
        if len(self.waiting[partition]) == self.rirs_per_shard:
            self._flush(partition)

    def _flush(self, partition: Partition) -> None:
        if self.waiting[partition]:
            write_shard(self.directory / partition, self.shards[partition], self.waiting[partition], BITS)
            self.shards[partition] += 1
            self.waiting[partition] = []

    def close(self) -> dict[str, Any]:
        for partition in PARTITIONS:
            self._flush(partition)
        errors = np.abs(self.errors)
        return {
            "rirs": self.count,
            "rooms": {name: len(self.rooms[name]) for name in PARTITIONS},
            "methods": dict(sorted(self.methods.items())),
            "t60_error": {
                "mean": round(float(errors.mean()), 4) if errors.size else 0.0,
                "max": round(float(errors.max()), 4) if errors.size else 0.0,
            },
        }
