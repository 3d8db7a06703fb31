"""MUSAN: 109 hours of noise, music and speech, 16 kHz WAV, through the parts of Lhotse's recipe.

    PATH/noise/{free-sound,sound-bible}/*.wav
    PATH/music/COLLECTION/*.wav and ANNOTATIONS (name, genres, vocals Y/N, artist)
    PATH/speech/{librivox,us-gov}/*.wav

`--role noise` (the default) takes noise and music, `--role speech` takes speech. Of the recipe only the search for
files is called: the whole of it stops at a line of ANNOTATIONS that is not in order, or lists a damaged file.

Speakers: a piece of music belongs to its artist, a noise is its own source; who speaks is not told, so the speech part
goes whole into one partition.
"""

from collections.abc import Iterator
from pathlib import Path

from lhotse.recipes.musan import scan_recordings

from kwsdata.clips.corpus import Reject, Role
from kwsdata.clips.fields import ClipFields
from kwsdata.errors import CorpusError
from kwsdata.importers.declaration import Importer, Options, Remote
from kwsdata.importers.recipes import readable_tree, recipe_errors
from kwsdata.importers.source import FileSound, Source
from kwsdata.importers.tables import lines_of

_FIELDS = 4  # of a line of ANNOTATIONS
PARTS: dict[Role, tuple[str, ...]] = {"noise": ("music", "noise"), "speech": ("speech",)}


def read(path: Path, options: Options) -> Iterator[Source | Reject]:
    """Yield the files of the parts that the role asks for."""
    root = next((place for place in (path, path / "musan") if any((place / part).is_dir() for part in _ALL)), None)
    if root is None:
        raise CorpusError(f"{path} holds none of the folders {', '.join(_ALL)}, so it is not MUSAN.")
    for part in PARTS[options.role]:
        if (root / part).is_dir():
            yield from _part(root / part)


def _part(folder: Path) -> Iterator[Source | Reject]:
    with readable_tree(folder) as tree:
        for reject in tree.rejects:
            yield Reject(f"{folder.name}/{reject.key}", reject.reason)
        notes: dict[str, list[str]] = {}
        for file in sorted(tree.links.rglob("ANNOTATIONS")):
            yield from _notes(file, f"{folder.name}/{file.relative_to(tree.links).as_posix()}", notes)
        with recipe_errors(tree):
            recordings = scan_recordings(tree.links)
        for recording in recordings:
            key = tree.key_of(recording)
            fields = ClipFields(part=folder.name)
            speaker = None
            if folder.name == "music" and recording.id in notes:
                _, genres, vocals, speaker = notes[recording.id]
                fields |= ClipFields(genres=genres.split(","), vocals=vocals == "Y")
            yield Source(f"{folder.name}/{key}", FileSound(tree.root / key), speaker=speaker, fields=fields)


def _notes(file: Path, name: str, notes: dict[str, list[str]]) -> Iterator[Reject]:
    """Add the lines of one file ANNOTATIONS to `notes`, by the piece; yield those that cannot be used."""
    for line in lines_of(file):
        fields = line.text.split()[:_FIELDS]
        if line.fault or len(fields) < _FIELDS:
            yield Reject(f"{name}:{line.number}", line.fault or f"no note (not name, genres, vocals, artist: {fields})")
        else:
            notes[fields[0]] = fields


_ALL = ("music", "noise", "speech")

IMPORTER = Importer(
    kind="musan",
    roles=("noise", "speech"),
    licence="CC-BY-4.0",
    citation='D. Snyder, G. Chen, D. Povey, "MUSAN: A Music, Speech, and Noise Corpus", arXiv:1510.08484, 2015.',
    source="https://www.openslr.org/17",
    speakers="music: the artist in ANNOTATIONS; noise: the file itself; speech: unknown",
    layout="noise/, music/ and speech/ with WAV files",
    remotes=(Remote("https://www.openslr.org/resources/17/musan.tar.gz", "md5:0c472d4fc0c5141eca47ad1ffeb2a7df"),),
    read=read,
)
