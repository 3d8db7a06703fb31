"""What an importer declares, and what a user may ask of one import."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from kwsdata.clips.corpus import Reject, Role
from kwsdata.execution.http_files import ONLY_THE_DISK
from kwsdata.importers.source import Source
from kwsdata.params import DownloadParams


@dataclass(frozen=True)
class Remote:
    """An archive the source offers. `checksum`: "md5:..." or "sha256:..."."""

    url: str
    checksum: str

    @property
    def name(self) -> str:
        """The archive's file name."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Options:
    """What a user asked for beyond kind, path and name; None is "not asked". An importer lists those it honours.

    `role` is always set. `label`: one text for all. `labels`: a CSV. `speaker_pattern`: a regular expression with a
    group `speaker`, searched in each path below the imported one. `language`: for sources that name none.
    `columns`: {"text": "sentence", ...} for tables with names of their own. `allow_outside`: tables and manifests may
    name files outside the corpus; `allow_urls`, `allow_commands`: and URLs, and commands that make the sound.
    `run_import` gives `scratch`, a directory for files that are needed until the sounds are decoded, and `download`,
    the limits of what URLs give.
    """

    role: Role
    label: str | None = None
    labels: Path | None = None
    speaker_pattern: str | None = None
    language: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    allow_outside: bool = False
    allow_urls: bool = False
    allow_commands: bool = False
    scratch: Path | None = None
    download: DownloadParams = ONLY_THE_DISK


Reader: TypeAlias = Callable[[Path, Options], Iterable[Source | Reject]]


@dataclass(frozen=True)
class Importer:
    """A kind of corpus: its declarations and its reader.

    `roles`: what its sounds may be; the first is the default, unless `role_needed`. `licence`, `citation` and `source`
    (where it comes from) are None where each corpus of the kind has its own. `speakers` says in words how speakers are
    found; corpora of one `speaker_namespace` name the same people alike. `layout` is what the reader expects to find.
    `read` yields every sound, in any order; it decodes none.
    """

    kind: str
    roles: tuple[Role, ...]
    speakers: str
    layout: str
    read: Reader
    licence: str | None = None
    citation: str | None = None
    source: str | None = None
    remotes: tuple[Remote, ...] = ()
    options: frozenset[str] = frozenset()
    role_needed: bool = False
    speaker_namespace: str | None = None
