"""Import a folder of sound files, such as a team's own recordings.

    PATH/hey_computer/alice-01.wav    --role keyword: text "hey computer", the folder directly below PATH
    PATH/alice-01.wav                 files directly in PATH: PATH's own name

`--label TEXT` gives every file one text; `--labels FILE.csv` (columns path,text and, if known, speaker,language,gender;
paths below PATH) lists the files to import with their texts; columns with other names are given with `--column
text=sentence`. Speech, noise and impulse responses have no text unless one of these gives it.

Speakers: `--speaker-pattern` or the CSV; else a noise or impulse response is its own source, and the speakers of
keywords and speech are unknown. A file that the pattern does not match is rejected: it may be anybody.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from kwsdata.clips.corpus import Reject
from kwsdata.errors import CorpusError
from kwsdata.files.named_paths import NamedFiles, printable
from kwsdata.importers.declaration import Importer, Options
from kwsdata.importers.source import FileSound, Source, normal_gender
from kwsdata.importers.tables import check_columns, rows_of, source_of
from kwsdata.soundfiles.folders import sound_files
from kwsdata.soundfiles.formats import COMMON
from kwsdata.text import compose, words_of_name

LOG = logging.getLogger(__name__)

_COLUMNS = ("path", "text", "speaker", "language", "gender")


def read(path: Path, options: Options) -> Iterable[Source | Reject]:
    """Yield the files below `path`, or those the CSV lists."""
    check_columns(options.columns, _COLUMNS)
    if options.columns and options.labels is None:
        raise CorpusError("--column names columns of the CSV that --labels gives: use both.")
    if options.label is not None and options.labels is not None:
        raise CorpusError("--label and --labels both give texts: use one of them.")
    if not path.is_dir():
        raise CorpusError(f"{path} is a file: give the folder that it is in, and --match for the files to take.")
    sources = list(
        _from_csv(path, options, options.labels) if options.labels is not None else _from_names(path, options)
    )
    if options.speaker_pattern is None:
        return sources
    if any(source.speaker for source in sources if isinstance(source, Source)):
        raise CorpusError(
            f"--speaker-pattern and the column `speaker` of {options.labels} both name speakers: use one."
        )
    return list(with_speakers(sources, options.speaker_pattern))


def _from_names(root: Path, options: Options) -> Iterator[Source | Reject]:
    others: Counter[str] = Counter()
    for found in sound_files(root, others):
        key, text = found.key, options.label
        if found.fault is not None:
            yield Reject(key, found.fault)
            continue
        if text is None and options.role == "keyword":
            folder = key.split("/")[0] if "/" in key else printable(root.resolve().name)
            text = words_of_name(folder)
        yield Source(key, FileSound(found.path), text=text)
    if others:
        kinds = ", ".join(f"{printable(kind)} {count}" for kind, count in others.most_common(5))
        LOG.warning("%d files below %s are no sound and were left out (%s).", others.total(), root, kinds)


def _from_csv(root: Path, options: Options, table: Path) -> Iterator[Source | Reject]:
    files = NamedFiles(root, options.allow_outside)
    names = {what: what for what in _COLUMNS} | options.columns
    needed = (names["path"], *options.columns.values())
    listed: set[str] = set()
    for row in rows_of(table, needed, None if options.columns else _COLUMNS[1:]):
        if isinstance(row, Reject):
            yield row
            continue
        told = {what: row.values.get(name, "") for what, name in names.items()}
        source = source_of(
            files,
            told["path"],
            text=told["text"],
            speaker=told["speaker"] or None,
            language=told["language"] or None,
            gender=normal_gender(told["gender"]),
        )
        if isinstance(source, Source) and compose(source.key) not in listed:
            listed.add(compose(source.key))
            yield source
        else:
            reason = source.reason if isinstance(source, Reject) else f"listed twice: {table.name} has it before"
            yield Reject(f"{source.key} (line {row.line})", reason)
    unlisted = sum(compose(found.key) not in listed for found in sound_files(root))
    if unlisted:
        LOG.warning("%d sound files below %s are not in %s and were not imported.", unlisted, root, table.name)


def with_speakers(sources: Iterable[Source | Reject], pattern: str) -> Iterator[Source | Reject]:
    """Yield `sources` with the group `speaker` of `pattern`, searched in each key; no match is a reject.

    Raises:
        CorpusError: the pattern is not a regular expression, has no group `speaker`, or matches no key at all.
    """
    try:
        regex = re.compile(compose(pattern))
    except re.error as error:
        raise CorpusError(f"--speaker-pattern {pattern!r} is not a regular expression: {error}.") from None
    if "speaker" not in regex.groupindex:
        raise CorpusError(f"--speaker-pattern {pattern!r} lacks the group `(?P<speaker>...)`.")
    sources = list(sources)
    keys = [source.key for source in sources if isinstance(source, Source)]
    if keys and not any(_speaker_in(regex, key) for key in keys):
        raise CorpusError(
            f"--speaker-pattern {pattern!r} matches none of {len(keys)} paths; the first is {keys[0]!r}. "
            "It is searched in the path below the imported folder."
        )
    for source in sources:
        if isinstance(source, Reject):
            yield source
        elif speaker := _speaker_in(regex, source.key):
            yield replace(source, speaker=speaker)
        else:
            yield Reject(source.key, f"no speaker (the path does not match --speaker-pattern {pattern!r})")


def _speaker_in(regex: re.Pattern[str], key: str) -> str | None:
    match = regex.search(compose(key))
    return match["speaker"] or None if match else None


IMPORTER = Importer(
    kind="folder",
    roles=("keyword", "speech", "noise", "rir"),
    role_needed=True,
    speakers="--speaker-pattern or the CSV; else unknown (keyword, speech) or the file itself (noise, rir)",
    layout=f"sound files ({COMMON}), directly or in folders",
    read=read,
    options=frozenset({"label", "labels", "speaker_pattern", "language", "columns", "allow_outside"}),
)
