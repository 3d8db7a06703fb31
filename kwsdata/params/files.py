"""Which file a number stands in: what one changes in a week in params.yaml, the others in two files beside it.

    params.yaml             the keys of `FIRST`
    params/kwsdata.yaml     the other keys of what the stages of kwsdata read first
    params/kwstrain.yaml    the other keys of `OF_TRAINING`

Each number stands in one file, so that what is read there is what counts, and a stage of dvc.yaml depends on all that
it reads. A file without these beside it holds every number itself, as the one of a published dataset does.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kwsdata.errors import ParamsError
from kwsdata.params.base import Block
from kwsdata.params.reading import read_values

FIRST = frozenset(
    {
        "keyword",
        "executor",
        "index",
        "split",
        "synthesize.engines",
        "synthesize.kokoro.positives",
        "synthesize.espeak.positives",
        "synthesize.piper.positives",
        "synthesize.piper.voices",
        "synthesize.accents.probability",
        "mine_negatives.pools",
        "mine_negatives.model",
        "mine_negatives.budget",
        "augment.copies",
        "augment.effects",
        "features.frontend",
        "features.window_ms",
        "teacher.name",
        "model.name",
        "model.dstcn.channels",
        "pretrain.trunk",
        "scout",
        "distill.alpha",
        "loss.name",
        "loss.gamma",
        "loss.alpha",
        "train.seed",
        "train.steps",
        "train.accelerator",
        "evaluate.max_fah",
        "bundle.author",
        "bundle.website",
        "bundle.licence",
    }
)
OF_TRAINING = frozenset(
    {
        "teacher",
        "teach",
        "model",
        "pretrain",
        "loss",
        "distill",
        "train",
        "quantize",
        "streaming",
        "warm_up",
        "evaluate",
        "report",
        "bundle",
    }
)
DATA_FILE, TRAINING_FILE = "params/kwsdata.yaml", "params/kwstrain.yaml"
BESIDE = (DATA_FILE, TRAINING_FILE)
PARAMS_FILE = "params.yaml"
FILES = (PARAMS_FILE, *BESIDE)


def home(name: str) -> str:
    """Return the file of `FILES` in which the key `name` ("block.key", or deeper) stands.

    >>> home("loss.gamma"), home("loss.label_smoothing"), home("augment.effects.noise.snr_db")
    ('params.yaml', 'params/kwstrain.yaml', 'params.yaml')
    """
    parts = name.split(".")
    if any(".".join(parts[:depth]) in FIRST for depth in range(1, len(parts) + 1)):
        return PARAMS_FILE
    return TRAINING_FILE if parts[0] in OF_TRAINING else DATA_FILE


def is_split(name: str) -> bool:
    """Tell whether some keys of the block `name` stand in params.yaml and the others do not."""
    return any(first.startswith(f"{name}.") for first in FIRST)


def setting(name: str) -> str:
    """Return how `dvc exp run -S` names a key: with its file, unless that is params.yaml."""
    file = home(name)
    return name if file == PARAMS_FILE else f"{file}:{name}"


def read_files(path: Path, root: type[Block]) -> dict[str, dict[str, Any]]:
    """Return {file of `FILES`: the values that it holds} of a params file and those beside it, in plain values.

    Args:
        path: of the first one, whatever its name is; the others lie in the folder `params` beside it. Where there is
            none of them, the first holds all.
        root: the schema.

    Raises:
        ParamsError: a file is missing, not UTF-8, not YAML, or no mapping of blocks; or a key stands there twice.
    """
    path = Path(path)
    found = {PARAMS_FILE: read_values(path, root)}
    if any((path.parent / name).exists() for name in BESIDE):
        found |= {name: read_values(path.parent / name, root) for name in BESIDE}
    return found


def merged(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the values of all files as one mapping; of a key in two files the first file's."""
    whole: dict[str, Any] = {}
    for values in parts.values():
        _merge(whole, values)
    return whole


def file_of(path: Path, parts: Mapping[str, Mapping[str, Any]], where: Sequence[Any]) -> Path:
    """Return the file in which the key at `where` stands, or should where it stands in none."""
    holds = [file for file, values in parts.items() if _holds(values, where)]
    name = holds[0] if holds else home(".".join(map(str, where)))
    return path if name == PARAMS_FILE or len(parts) == 1 else path.parent / name


def read_merged(path: Path, root: type[Block]) -> dict[str, Any]:
    """Return all values of a params file and those beside it; raise as `read_files`."""
    return merged(read_files(path, root))


def check_homes(path: Path, parts: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise ParamsError where a key stands in another file than its own, on which a stage might not depend."""
    if len(parts) == 1:
        return
    for file, values in parts.items():
        for name in misplaced(values, file):
            here = path if file == PARAMS_FILE else path.parent / file
            raise ParamsError(
                f"{here}: {name} belongs in {home(name)}, and nowhere else: set it there, and delete it here. For one "
                f"experiment: `dvc exp run -S {setting(name)}=VALUE`."
            )


def misplaced(values: Mapping[Any, Any], file: str) -> Iterator[str]:
    """Yield the keys that `values`, which `file` holds, have of other files."""
    yield from (name for name in _names(values, "") if home(name) != file)


def _holds(values: Any, where: Sequence[Any]) -> bool:
    for part in where:
        if isinstance(values, list) and isinstance(part, int):
            return True
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def _names(values: Mapping[Any, Any], before: str) -> Iterator[str]:
    """Yield the keys of `values`, those of a block whose keys stand in two files one by one."""
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and is_split(name):
            yield from _names(value, f"{name}.")
        else:
            yield name


def _merge(whole: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(whole.get(key), dict):
            _merge(whole[key], value)
        elif key not in whole:
            whole[key] = {} if isinstance(value, Mapping) else value
            if isinstance(value, Mapping):
                _merge(whole[key], value)
