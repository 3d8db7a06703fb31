"""Run an import: from a folder, archive or manifest to a corpus under `data/corpora`.

read      the importer lists every sound, decoding none
choose    words and limit; a text and a speaker for each, or a reject
decode    in parallel: see `kwsdata.importers.decode`
write     `kwsdata.clips.corpus.write_corpus`, sorted by name: the same files always give the same bytes
"""

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.corpus import CorpusInfo, Item, Reject, Role, read_info, write_corpus
from kwsdata.draws import digest_of
from kwsdata.errors import CorpusError
from kwsdata.execution.cache.pruning import in_use
from kwsdata.execution.download import is_url, local_copy
from kwsdata.execution.http_files import ONLY_THE_DISK, shown_url
from kwsdata.files.named_paths import printable
from kwsdata.files.scratch import scratch_beside
from kwsdata.importers import importer_for
from kwsdata.importers.archives import unpack_archive
from kwsdata.importers.declaration import Importer, Options
from kwsdata.importers.declared import UNKNOWN_LICENCE, Declared, settle
from kwsdata.importers.decode import Making, decode_sources
from kwsdata.importers.source import Source, clip_id
from kwsdata.params import DownloadParams, ExecutorParams, ImportParams
from kwsdata.text import compose, file_stem, key, tidy

LOG = logging.getLogger(__name__)
_LONG_WORD_S = 1.3  # few wake words last longer

MAX_NAME = 32  # characters of a corpus's name: it begins every tar member's, which holds 100


@dataclass(frozen=True)
class Found:
    """What an importer found: usable sources and rejects, each sorted by key, and whether the speakers are known."""

    sources: tuple[Source, ...]
    rejects: tuple[Reject, ...]
    speakers: Literal["known", "unknown"]


@in_use(None)  # a copy of what lies elsewhere stays as long as it is read
def run_import(
    kind: str,
    path: str | Path,
    *,
    name: str,
    params: ImportParams,
    executor: ExecutorParams,
    download: DownloadParams = ONLY_THE_DISK,
    out_root: Path = Path("data/corpora"),
    role: Role | None = None,
    label: str | None = None,
    labels: Path | None = None,
    speaker_pattern: str | None = None,
    language: str | None = None,
    columns: dict[str, str] | None = None,
    allow_outside: bool = False,
    allow_urls: bool = False,
    allow_commands: bool = False,
    speaker_namespace: str | None = None,
    licence: str | None = None,
    licence_override: str | None = None,
    citation: str | None = None,
    source: str | None = None,
    match: str | None = None,
    words: Sequence[str] | None = None,
    limit: int | None = None,
    find_word: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Import `path` as the corpus `out_root/name`. Doing it again with the same input changes no byte.

    Args:
        kind: one of `kwsdata.importers.KINDS`.
        path: a directory, manifest or archive, as the kind expects, or its URL; for `hf` also a dataset's name.
        name: of the corpus: letters, digits, `_` and `-`, at most 32.
        params: the limits of what is usable, and the shard size.
        executor: where sounds are decoded.
        download: the limits of what is copied from URLs.
        role: keyword | speech | noise | rir; needed for folder, lhotse and hf.
        label, labels, speaker_pattern, language, columns, allow_outside, allow_urls, allow_commands: see
            `kwsdata.importers.declaration.Options`.
        speaker_namespace: speakers of one name are one person in all corpora with this namespace; by default what the
            importer declares.
        licence, citation, source: instead of what the importer declares.
        licence_override: why `licence` may replace a stricter one that sounds, or the importer, say of themselves.
        match: import only sounds in whose key (path below `path`, or id) this regular expression is found.
        words: import only these texts (`["computer"]`).
        limit: import at most so many sounds, chosen by a hash of their keys: a fixed, even sample.
        find_word: of a keyword whose time in its recording is not known: where it stands out from the background.
        force: replace a corpus of this name that came from elsewhere.

    Returns:
        The contents of `corpus.json`.

    Raises:
        CorpusError: the path does not have the kind's layout, an option does not fit the kind, the name is taken, too
            many sounds were rejected, or `licence` is milder than theirs.
        StageInputError: a URL cannot be read.
    """
    importer = importer_for(kind)
    if is_url(path):
        if download is None:
            raise CorpusError(
                f"{shown_url(str(path))} is a URL: `run_import` needs `download` (of params.yaml) for it."
            )
        source = source or shown_url(str(path))
        path = local_copy(path, download)
    path = Path(path)
    if file_stem(name, MAX_NAME) != name:
        raise CorpusError(
            f"the name {name!r} must be 1 to {MAX_NAME} letters, digits, _ or -; try {file_stem(name, MAX_NAME)!r}."
        )
    if kind != "hf" and not path.exists():
        raise CorpusError(f"{path} does not exist. `{kind}` expects: {importer.layout}.")
    options = Options(
        role=_role(importer, role),
        label=label,
        labels=labels,
        speaker_pattern=speaker_pattern,
        language=language,
        columns=columns or {},
        allow_outside=allow_outside,
        allow_urls=allow_urls,
        allow_commands=allow_commands,
    )
    _check_options(importer, options)
    info = CorpusInfo(
        name=name,
        kind=kind,
        role=options.role,
        licence=UNKNOWN_LICENCE,
        citation=citation or importer.citation or "none given",
        source=source or importer.source or printable(path.resolve().name if path.exists() else str(path)),
        speakers="unknown",
        speaker_namespace=_namespace(importer, speaker_namespace, options.role),
    )
    directory = out_root / name
    _check_taken(directory, info, force)
    with (
        scratch_beside(directory) as scratch,
        unpack_archive(path, importer.remotes, scratch, params.archive) as tree,
    ):
        options = replace(options, scratch=scratch, download=download)
        found = choose(chain(tree.rejects, importer.read(tree.path, options)), options, match, words, limit)
        if not found.sources and not found.rejects:
            raise CorpusError(f"{path} holds no sound for `{kind}`, which expects: {importer.layout}.")
        keyword = options.role == "keyword"
        making = Making(params, options.role, find_word and keyword)
        terms = settle(found.sources, name, Declared(licence, licence_override), importer.licence)
        untimed: list[int] = []
        items = decode_sources(terms.sources, scratch, making, executor, f"import {name}")
        if keyword:
            items = _counted(items, untimed)
        summary = write_corpus(
            directory,
            replace(info, speakers=found.speakers, licence=terms.licence, licence_override=terms.override),
            chain(found.rejects, items),
            params.clips_per_shard,
            params.max_reject_fraction,
        )
        if untimed and np.median(untimed) > _LONG_WORD_S * SAMPLE_RATE:
            LOG.warning(
                "corpus %s: %d keywords are taken to last as long as their files, half of them over %.1f s. To "
                "train on them, import them with --find-word: a word that ends early teaches silence.",
                *(name, len(untimed), np.median(untimed) / SAMPLE_RATE),
            )
        return summary


def _counted(items: Iterable[Item | Reject], untimed: list[int]) -> Iterator[Item | Reject]:
    """Yield `items`; add the samples of those whose word fills them, as far as is known, to `untimed`."""
    for item in items:
        if isinstance(item, Item) and item.span is None:
            untimed.append(item.samples)
        yield item


def choose(
    entries: Iterable[Source | Reject],
    options: Options,
    match: str | None,
    words: Sequence[str] | None,
    limit: int | None,
) -> Found:
    """Return the sources that have all they need, and rejects for those that do not."""
    listed = list(entries)
    if match is not None:
        listed = _matching(listed, match)
    if words is not None:
        listed = _saying(listed, words)
    if limit is not None:
        listed = sorted(listed, key=lambda entry: digest_of(entry.key))[:limit]
    listed.sort(key=lambda entry: entry.key)
    rejects = [entry for entry in listed if isinstance(entry, Reject)]
    sources = [_filled(entry, options) for entry in listed if isinstance(entry, Source)]
    known = any(source.speaker is not None for source in sources)
    kept: dict[str, Source] = {}
    for source in sources:
        if options.role == "keyword" and source.text is None:
            rejects.append(Reject(source.key, "no text (a keyword corpus needs to know what is said)"))
        elif known and source.speaker is None:
            rejects.append(Reject(source.key, "no speaker (other sounds of this corpus have one)"))
        elif (same := kept.setdefault(clip_id(source.key), source)) is not source:
            rejects.append(Reject(source.key, f"same clip name as {same.key}: rename one of them"))
    return Found(tuple(kept.values()), tuple(sorted(rejects, key=lambda r: r.key)), "known" if known else "unknown")


def _matching(entries: list[Source | Reject], match: str) -> list[Source | Reject]:
    try:
        regex = re.compile(compose(match))
    except re.error as error:
        raise CorpusError(f"--match {match!r} is not a regular expression: {error}.") from None
    found = [entry for entry in entries if regex.search(compose(entry.key))]
    if entries and not found:
        raise CorpusError(f"--match {match!r} is found in none of {len(entries)} paths; one is {entries[0].key!r}.")
    return found


def _saying(entries: list[Source | Reject], words: Sequence[str]) -> list[Source | Reject]:
    wanted = {key(word) for word in words} - {""}
    found: list[Source | Reject] = [
        entry for entry in entries if isinstance(entry, Source) and key(entry.text or "") in wanted
    ]
    if entries and not found:
        raise CorpusError(f"none of {len(entries)} sounds says any of {', '.join(sorted(wanted))}.")
    return found


def _filled(source: Source, options: Options) -> Source:
    """Return `source` with tidy text, and what the options say where it says nothing; a noise is its own source."""
    own = source.key if options.role in ("noise", "rir") else None
    language = source.language or options.language
    return replace(
        source,
        text=tidy(source.text or "", language) or None,
        speaker=compose(source.speaker or own or "") or None,
        language=language,
    )


def _role(importer: Importer, asked: Role | None) -> Role:
    if asked is None and importer.role_needed:
        raise CorpusError(f"`kwsdata import {importer.kind}` needs --role, one of {', '.join(importer.roles)}.")
    if asked is not None and asked not in importer.roles:
        raise CorpusError(f"--role {asked}: a corpus of kind {importer.kind} can be {', '.join(importer.roles)}.")
    return asked or importer.roles[0]


def _namespace(importer: Importer, asked: str | None, role: Role) -> str | None:
    if asked is not None and file_stem(asked, MAX_NAME) != asked:
        raise CorpusError(
            f"--speaker-namespace {asked!r} must be 1 to {MAX_NAME} letters, digits, _ or -; try "
            f"{file_stem(asked, MAX_NAME)!r}."
        )
    if asked is not None and role in ("noise", "rir"):
        raise CorpusError(f"--speaker-namespace means nothing to a corpus of role {role}: nobody speaks in it.")
    return None if role in ("noise", "rir") else asked or importer.speaker_namespace


def _check_options(importer: Importer, options: Options) -> None:
    for option in fields(options):
        if (
            option.name not in ("role", "scratch", "download")
            and getattr(options, option.name)
            and option.name not in importer.options
        ):
            takes = ", ".join(map(_flag, sorted(importer.options))) or "no such option"
            raise CorpusError(
                f"{_flag(option.name)} means nothing to `kwsdata import {importer.kind}`, which takes {takes}."
            )


def _flag(name: str) -> str:
    return "--column" if name == "columns" else f"--{name.replace('_', '-')}"


def _check_taken(directory: Path, info: CorpusInfo, force: bool) -> None:
    if force or not (directory / "corpus.json").is_file():
        return
    there = read_info(directory)
    if (there.kind, there.source, there.role) != (info.kind, info.source, info.role):
        raise CorpusError(
            f"{directory} already holds another corpus ({there.kind} {there.source!r} as {there.role}; this is "
            f"{info.kind} {info.source!r} as {info.role}): choose another --name, or replace it with --force."
        )
