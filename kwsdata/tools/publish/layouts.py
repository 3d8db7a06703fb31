"""The layouts that a batch of clips is written in; a pure function each: the same clips give the same bytes.

DIR/shar/split/train/cuts.000000.jsonl.gz, recording.000000.tar      Lhotse Shar: CutSet.from_shar(in_dir=...)
DIR/webdataset/split/train/000000.tar                                WebDataset: NAME.flac + NAME.json
DIR/hf/split/train-00000.parquet                                     datasets.load_dataset(DIR, "split")
"""

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from kwsdata.audio import SAMPLE_RATE
from kwsdata.files.atomic import write_jsonl_gz
from kwsdata.tools.publish.content import SOUND, Item

# Writes batch `number` of `part`, whose clips have sounds of these names, below a directory.
Layout: TypeAlias = Callable[[Path, str, int, Sequence[Item], Sequence[str]], None]


def write_shar(directory: Path, part: str, number: int, items: Sequence[Item], fields: Sequence[str]) -> None:
    """Write one shard as Lhotse reads it; each further sound of a cut in a tar of its own."""
    folder = directory / "shar" / part
    folder.mkdir(parents=True, exist_ok=True)
    for field in fields:
        members = []
        for item in items:
            if field in item.sounds:
                told = json.dumps(item.row["recording"]).encode() + b"\n"
                members += [(f"{item.id}.flac", item.sounds[field]), (f"{item.id}.json", told)]
            else:  # as Lhotse says that a cut lacks it
                members += [(f"{item.id}.nodata", b""), (f"{item.id}.nometa", b"")]
        write_tar(folder / f"{field}.{number:06d}.tar", members)
    write_jsonl_gz(folder / f"cuts.{number:06d}.jsonl.gz", (item.row for item in items))


def write_webdataset(directory: Path, part: str, number: int, items: Sequence[Item], fields: Sequence[str]) -> None:
    """Write one shard of samples: `flac` (further sounds as `NAME.flac`) and `json`."""
    folder = directory / "webdataset" / part
    folder.mkdir(parents=True, exist_ok=True)
    members = []
    for item in items:
        for field, data in item.sounds.items():
            members.append((f"{item.id}.flac" if field == SOUND else f"{item.id}.{field}.flac", data))
        members.append((f"{item.id}.json", json.dumps(item.columns(), ensure_ascii=False).encode() + b"\n"))
    write_tar(folder / f"{number:06d}.tar", members)


def write_hf(directory: Path, part: str, number: int, items: Sequence[Item], fields: Sequence[str]) -> None:
    """Write one Parquet file with an Audio feature, as `datasets` writes it when it pushes a dataset.

    Rows go into the Arrow table as bytes: `Features.encode_example` would want torchcodec, to encode what is FLAC
    already.
    """
    import pyarrow as pa
    from datasets import Audio, Dataset, DatasetInfo, Features, List, Value
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    names = {field: "audio" if field == SOUND else field for field in fields}
    features = Features(
        {name: Audio(sampling_rate=SAMPLE_RATE, decode=True) for name in names.values()}
        | {name: Value("string") for name in ("id", "label", "text", "speaker", "language", "gender")}
        | {name: Value("float64") for name in ("start_s", "end_s", "duration_s")}
        | {"synthetic": Value("bool"), "parent": Value("string")}
        | {name: List(Value("string")) for name in ("sources", "licences")}
        | {name: Value("string") for name in ("audio_sha256", "cut")}
    )
    rows = [
        {
            names[field]: {"bytes": item.sounds[field], "path": f"{item.id}.flac"} if field in item.sounds else None
            for field in fields
        }
        | item.columns()
        for item in items
    ]
    table = pa.Table.from_pylist(rows, schema=features.arrow_schema)
    config, split = hf_names(part)
    path = directory / "hf" / config / f"{split}-{number:05d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()  # on a full disk the writer would abort the process
    quiet = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        Dataset(table, info=DatasetInfo(features=features), fingerprint=f"{part}-{number}").to_parquet(packed)
    finally:
        if not quiet:
            enable_progress_bars()
    path.write_bytes(packed.getbuffer())


def hf_names(part: str) -> tuple[str, str]:
    """Return (config, split) of a part: ("testsets", "test.clean") of "testsets/test/clean"."""
    config, _, rest = part.partition("/")
    return config, rest.replace("/", ".").replace("-", "_")


LAYOUTS: dict[str, Layout] = {"shar": write_shar, "webdataset": write_webdataset, "hf": write_hf}


def write_tar(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write a tar whose members have no time, owner or mode of their own."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
