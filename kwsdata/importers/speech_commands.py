"""Google Speech Commands: 30 or 35 English words, one second each, thousands of speakers.

    PATH/WORD/SPEAKER_nohash_N.wav

The folders that start with `_` hold no words: `_background_noise_` is imported apart, with
`kwsdata import folder PATH/_background_noise_ --role noise`.

Lhotse's recipe is not used: it wants both the training and the test archive unpacked side by side (their clips
overlap), needs the two split lists, which this project's own split by speaker replaces, and stops at a damaged file.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from kwsdata.clips.corpus import Reject
from kwsdata.importers.declaration import Importer, Options, Remote
from kwsdata.importers.source import FileSound, Source
from kwsdata.soundfiles.folders import sound_files

LOG = logging.getLogger(__name__)

_NAME = re.compile(r"(?P<speaker>[0-9a-z]+)_nohash_\d+\.")
_DATA = "https://storage.googleapis.com/download.tensorflow.org/data"


def read(path: Path, options: Options) -> Iterator[Source | Reject]:
    """Yield the words; the folder is the word, the name's first part the speaker."""
    for found in sound_files(path):
        key, folders = found.key, found.key.split("/")[:-1]
        if folders and folders[-1].startswith("_"):
            continue
        match = _NAME.match(found.path.name)
        if found.fault is not None:
            yield Reject(key, found.fault)
        elif not folders or match is None:
            yield Reject(key, "not a word (the path is not WORD/SPEAKER_nohash_N.wav)")
        else:
            yield Source(key, FileSound(found.path), folders[-1], match["speaker"], "en")
    noise = path / "_background_noise_"
    if noise.is_dir():
        LOG.warning("%s was left out; it is noise: `kwsdata import folder %s --role noise --name ...`", noise, noise)


IMPORTER = Importer(
    kind="speech-commands",
    roles=("keyword", "speech"),
    licence="CC-BY-4.0",
    citation=(
        'P. Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", arXiv:1804.03209, 2018.'
    ),
    source="https://www.tensorflow.org/datasets/catalog/speech_commands",
    speakers="the hash before `_nohash_` in the file's name",
    speaker_namespace="speech-commands",
    layout="WORD/SPEAKER_nohash_N.wav",
    remotes=(
        Remote(
            f"{_DATA}/speech_commands_v0.01.tar.gz",
            "sha256:743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
        ),
        Remote(
            f"{_DATA}/speech_commands_v0.02.tar.gz",
            "sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        ),
    ),
    read=read,
)
