"""Judge which files an untrusted Hugging Face dataset is made of before any is opened.

A dataset's card may name URLs, and files anywhere on this machine, as its data; a saved dataset may name files outside
its directory. Neither is read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from kwsdata.errors import CorpusError, MissingExtraError, NamedPathError
from kwsdata.files.bounded_json import parse_json
from kwsdata.files.named_paths import NamedFiles, quote, relative_parts
from kwsdata.importers.terms import licence_text

try:
    import datasets
    import pyarrow
    from datasets.table import table_cast
    from huggingface_hub import hf_hub_download
    from huggingface_hub.constants import HF_HUB_CACHE
    from pyarrow.parquet import ParquetFile
except ImportError:
    raise MissingExtraError("datasets", "data", "`kwsdata import hf`") from None

_CARDS = ("README.md", ".huggingface.yaml")
_READERS = {"parquet", "arrow", "audiofolder", "webdataset"}  # of `datasets`; others hold no sound, or run code
_SAYS_NOTHING = ("other", "unknown")  # what cards hold where none of the hub's licences fits
_PACKED = (".zip", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".lz4")  # `datasets` would unpack them without limits
_BATCH = 32 << 20  # bytes of Parquet that are in memory at once,
_ROWS = 1000  # and rows


def splits_of(path: Path, scratch: Path | None) -> dict[str, Any]:
    """Return the splits of a dataset: a directory, or OWNER/NAME on the hub, with `:CONFIG` where it has several.

    The rows of a directory of Parquet are copied to `scratch`, from where they are mapped into memory (without one, to
    the cache of `datasets`).

    Raises:
        CorpusError: it cannot be loaded, or names data elsewhere.
    """
    name, config = _name_of(path)
    try:
        if (path / "state.json").is_file() or (path / "dataset_dict.json").is_file():
            found = datasets.load_from_disk(str(_checked(path)))
        else:
            found = _built(name, config, scratch)
    except CorpusError:
        raise
    except Exception as error:  # the libraries behind it share no base class
        said = " ".join(str(error).split())[:300]
        raise CorpusError(
            f"{path} cannot be loaded as a Hugging Face dataset ({type(error).__name__}: {said})."
        ) from error
    return dict(found) if isinstance(found, dict) else {str(found.split or "all"): found}


def roots_of(path: Path, allow_outside: bool) -> tuple[NamedFiles, ...]:
    """Return where the rows of a dataset may name files: in its directory, or in the caches of what a hub gave."""
    directory = Path(_name_of(path)[0])
    if directory.exists():
        return (NamedFiles(directory, allow_outside),)
    caches = (datasets.config.HF_DATASETS_CACHE, datasets.config.DOWNLOADED_DATASETS_PATH, HF_HUB_CACHE)
    return tuple(NamedFiles(Path(cache), allow_outside) for cache in caches)


def _name_of(path: Path) -> tuple[str, str | None]:
    """Return the name or directory of a dataset, and its configuration."""
    name, _, config = (str(path), "", "") if path.exists() else str(path).partition(":")
    return name, config or None


def _checked(path: Path) -> Path:
    """Return the directory of `save_to_disk` if its own files are all that it names."""
    if (path / "dataset_dict.json").is_file():
        for split in parse_json((path / "dataset_dict.json").read_bytes())["splits"]:
            _plain(path, split)
            _checked(path / split)
    else:
        NamedFiles(path).path("dataset_info.json")
        for file in parse_json((path / "state.json").read_bytes())["_data_files"]:
            _plain(path, file["filename"])
            NamedFiles(path).path(file["filename"])
    return path


def _plain(path: Path, name: object) -> None:
    if relative_parts(name) != (name,):  # type: ignore[arg-type] # what is no text is refused there
        raise CorpusError(f"{path} names {quote(name)}, which is not a file or folder in it.")


def _built(name: str, config: str | None, scratch: Path | None) -> Any:
    if Path(name).is_file():
        raise CorpusError(f"{name} is a file: give the directory that holds the dataset.")
    _check_card(name)
    builder = datasets.load_dataset_builder(name, config)
    reader = type(builder).__module__.rpartition(".")[2]
    if reader not in _READERS:
        raise CorpusError(f"{name} is read as {reader}, which holds no sound; {', '.join(sorted(_READERS))} may.")
    for file in _data_files(builder):
        _check_file(name, file)
    if reader == "parquet" and Path(name).is_dir() and scratch is not None:
        (scratch / "rows").mkdir()
        return {split: _mapped(split, files, scratch / "rows") for split, files in builder.config.data_files.items()}
    builder.download_and_prepare()
    return builder.as_dataset()


def _mapped(split: str, files: list[str], scratch: Path) -> Any:
    """Return the rows of Parquet files, copied a few at a time: `datasets` would hold a whole row group in memory."""
    features: Any = None
    parts = []
    for number, file in enumerate(files):
        part = scratch / f"{split}-{number:05d}.arrow"
        with ParquetFile(file, pre_buffer=False, buffer_size=1 << 20) as parquet:
            features = features or datasets.Features.from_arrow_schema(parquet.schema_arrow)
            schema = features.arrow_schema
            groups = [parquet.metadata.row_group(group).total_byte_size for group in range(parquet.num_row_groups)]
            rows = max(1, _BATCH * parquet.metadata.num_rows // max(sum(groups), 1))
            with pyarrow.OSFile(str(part), "wb") as sink, pyarrow.ipc.new_stream(sink, schema) as writer:
                for batch in parquet.iter_batches(min(rows, _ROWS)):
                    writer.write_table(table_cast(pyarrow.Table.from_batches([batch]), schema))
        parts.append(datasets.Dataset.from_file(str(part)))
    return datasets.concatenate_datasets(parts)


def _data_files(builder: Any) -> Iterator[str]:
    for files in (builder.config.data_files or {}).values():
        yield from map(str, files)


def _check_card(name: str) -> None:
    """Raise a CorpusError where a card names data that is not the dataset's own; nothing is asked for before."""
    for card, told in _cards(name):
        for pattern in _words(told.get("configs")):
            try:
                relative_parts(pattern)
            except NamedPathError as error:
                raise CorpusError(
                    f"{card} of {name} {error}, as its data: only files of the dataset are read."
                ) from None


def _cards(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file, what it says) of each card that a dataset has."""
    for card in _CARDS:
        try:
            local = Path(name, card)
            path = local if Path(name).is_dir() else Path(hf_hub_download(name, card, repo_type="dataset"))
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
        except (OSError, ValueError):  # the hub has no such file, or no such dataset: loading it tells which
            continue
        head = text.split("---")[1] if card == "README.md" and text.startswith("---") else ""
        told = yaml.safe_load(head if card == "README.md" else text)
        if isinstance(told, dict):
            yield card, told


def licence_on_card(path: Path) -> str | None:
    """Return the licence that a dataset's card declares of all of it; None where it says nothing, or "other"."""
    try:
        told = [said["license"] for _, said in _cards(_name_of(path)[0]) if said.get("license")]
        every = [one for some in told for one in ([some] if isinstance(some, str) else some)]
        return licence_text([one for one in every if one not in _SAYS_NOTHING])
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise CorpusError(f"{path}: its card cannot be read ({' '.join(str(error).split())}): mend it.") from None


def _words(configs: Any) -> Iterator[str]:
    """Yield the places of data that the configurations of a card name."""
    for config in configs if isinstance(configs, list) else ():
        waiting = [config.get("data_files"), config.get("data_dir")] if isinstance(config, dict) else []
        while waiting:
            value = waiting.pop()
            if isinstance(value, str):
                yield value
            elif isinstance(value, dict):
                waiting.append(value.get("path"))
            elif isinstance(value, list):
                waiting += value


def _check_file(name: str, file: str) -> None:
    if Path(name).is_dir():
        NamedFiles(Path(name).resolve()).path_or_absolute(file)
    elif not file.startswith(f"hf://datasets/{name}@"):
        raise CorpusError(f"{name} has data at {quote(file)}: only files of the dataset are read.")
    if file.lower().endswith(_PACKED) or "::" in file:
        raise CorpusError(f"{name} holds {quote(file)}: unpack it, and import the folder.")
