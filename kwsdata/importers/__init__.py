"""Importers: sound from elsewhere becomes a corpus under `data/corpora`.

One module a kind holds its declarations (licence, citation, role, how speakers are found, checksums) and one reader;
what they share is here:

    declaration.py   what an importer declares
    source.py        one sound on its way in
    archives.py      a downloaded archive: checked, unpacked (unpacking.py: where its members go, within limits)
    tables.py        CSV and TSV row by row, and the files they name
    recipes.py       Lhotse's recipes on trees with damaged files
    lhotse_*.py      of Lhotse manifests: rows, what they may make happen, the sound of a cut, Shar directories
    hf_files.py      which files a Hugging Face dataset is made of
    decode.py        decode, gate, downmix, resample, in parallel
    run.py           `run_import`: all of it, in order
    partition.py     which partition a corpus without speakers goes to

This file imports nothing heavy: `kwsdata --help` lists the kinds from it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from kwsdata.errors import CorpusError

if TYPE_CHECKING:
    from kwsdata.importers.declaration import Importer

KINDS: dict[str, str] = {
    "folder": "a folder of sound files; label from the folder's name or a CSV, speaker from a path pattern",
    "speech-commands": "Google Speech Commands: WORD/SPEAKER_nohash_N.wav",
    "librispeech": "LibriSpeech: read English with transcripts",
    "musan": "MUSAN: noise and music, or speech with --role speech",
    "mswc": "Multilingual Spoken Words Corpus: LANG/clips/WORD/*.opus",
    "common-voice": "Mozilla Common Voice: LANG/clips/*.mp3 and validated.tsv",
    "lhotse": "a Lhotse manifest of cuts or recordings, or a Shar directory",
    "hf": "a Hugging Face dataset, on disk or by name",
}

_MODULES = {"common-voice": "common_voice", "hf": "hugging_face", "lhotse": "lhotse_manifest"}


def importer_for(kind: str) -> "Importer":
    """Return the importer of `kind`; its module is loaded now.

    Raises:
        CorpusError: no such kind.
    """
    if kind not in KINDS:
        raise CorpusError(f"no importer is called {kind!r}; there are: {', '.join(KINDS)}.")
    module = _MODULES.get(kind, kind.replace("-", "_"))
    return import_module(f"kwsdata.importers.{module}").IMPORTER
