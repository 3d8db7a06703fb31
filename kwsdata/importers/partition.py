"""A corpus whose speakers are unknown goes whole into one partition, and `split.whole` in `params.yaml` says which."""

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from kwsdata.errors import ParamsError, PartitionError
from kwsdata.files import atomic_path
from kwsdata.partitions import PARTITIONS


def record_partition(params_path: Path, corpus: str, partition: str) -> None:
    """Set `split.whole.CORPUS` to `partition` in a params file; everything else, comments too, stays as it is.

    Raises:
        PartitionError: `partition` is none of train, dev, test.
        ParamsError: the file is missing, is not YAML, or has no block `split`.
    """
    if partition not in PARTITIONS:
        raise PartitionError(f"--partition {partition}: it must be one of {', '.join(PARTITIONS)}.")
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)  # as params.yaml is written
    yaml.representer.add_representer(type(None), _null)
    try:
        text = params_path.read_text()
        values: Any = yaml.load(text)
        whole = values["split"]["whole"]
        if not whole:
            whole.fa.set_flow_style()  # {crowd: train}: on the line of its comment, where `{}` was
        whole[corpus] = partition
    except (OSError, YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ParamsError(f"{params_path}: split.whole.{corpus} cannot be set ({error!r}).") from None
    stream = io.StringIO()
    yaml.dump(values, stream)
    with atomic_path(params_path) as scratch:
        scratch.write_text(stream.getvalue())


def _null(representer: Any, value: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def partition_advice(summary: dict[str, Any], whole: dict[str, Any]) -> str | None:
    """Return what to do about a corpus (its `corpus.json`) that no partition can take yet, None if nothing."""
    name = summary["name"]
    if summary["speakers"] == "known" or name in whole:
        return None
    return (
        f"corpus {name}: its speakers are unknown, so it must go whole into one partition. Import it again with "
        f"`--partition train` (or dev, or test), or set split.whole.{name} in params.yaml."
    )
