"""LibriSpeech (and Mini LibriSpeech): read English, with transcripts and speakers, through Lhotse's recipe.

    PATH/dev-clean/SPEAKER/CHAPTER/SPEAKER-CHAPTER-N.flac
    PATH/dev-clean/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt

PATH may be `LibriSpeech`, the folder above it, or one part (`dev-clean`). What the recipe leaves out without a word is
reported here: a FLAC without a transcript, a transcript without a FLAC, a FLAC that cannot be read.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from lhotse.recipes.librispeech import prepare_librispeech

from kwsdata.clips.corpus import Reject
from kwsdata.errors import CorpusError
from kwsdata.files.named_paths import quote
from kwsdata.importers.declaration import Importer, Options, Remote
from kwsdata.importers.recipes import ReadableTree, readable_tree, recipe_errors
from kwsdata.importers.source import FileSound, Source
from kwsdata.importers.tables import lines_of

_DEPTH = 3  # SPEAKER/CHAPTER/NAME.trans.txt
_UTTERANCE = re.compile(r"([0-9A-Za-z]+)-([0-9A-Za-z]+)-[0-9A-Za-z]+")

_MD5 = {
    "12/dev-clean": "42e2234ba48799c1f50f24a7926300a1",
    "12/dev-other": "c8d0bcc9cca99d4f8b62fcc847357931",
    "12/test-clean": "32fa31d27d2e1cad72775fee3f4849a9",
    "12/test-other": "fb5a50374b501bb3bac4815ee91d3135",
    "12/train-clean-100": "2a93770f6d5c6c964bc36631d331a522",
    "12/train-clean-360": "c0e676e450a7ff2f54aeade5171606fa",
    "12/train-other-500": "d1a0fd59409feb2c614ce4d30c387708",
    "31/dev-clean-2": "6d7ab67ac6a1d2c993d050e16d61080d",
    "31/train-clean-5": "5df7d4e78065366204ca6845bb08f490",
}  # from md5sum.txt beside the archives


def read(path: Path, options: Options) -> Iterator[Source | Reject]:
    """Yield every utterance of every part below `path`."""
    if not path.is_dir():
        return
    with readable_tree(path) as tree:
        yield from tree.rejects
        listed: dict[str, str] = {}  # the FLAC of each usable line, by path below the tree, and its transcript
        transcripts = sorted(tree.links.rglob("*.trans.txt"))
        if not transcripts:
            raise CorpusError(f"{path} holds no *.trans.txt, so it is not LibriSpeech: `kwsdata import folder` may do.")
        parts = set()
        for transcript in transcripts:
            if len(transcript.relative_to(tree.links).parts) < _DEPTH:
                raise CorpusError(
                    f"{path} does not hold PART/SPEAKER/CHAPTER/{transcript.name}: import a folder above it."
                )
            parts.add(transcript.parents[2])
            yield from _clean(tree, transcript, listed)
        told: set[str] = set()
        for part in sorted(parts):
            for key, source in _utterances(tree, part):
                told.add(key)
                yield source
        yield from (Reject(key, "no transcript") for key in tree.keys if key not in listed)
        known = told | {reject.key for reject in tree.rejects}
        yield from (Reject(key, f"missing ({name} lists it)") for key, name in listed.items() if key not in known)


def _clean(tree: ReadableTree, transcript: Path, listed: dict[str, str]) -> Iterator[Reject]:
    """Replace a transcript of the tree by its usable lines, which are added to `listed`; yield the others.

    The recipe stops at a line without text, and opens whatever file an id like `../../x` leads to.
    """
    below = transcript.relative_to(tree.links)
    good: list[str] = []
    try:
        for line in lines_of(transcript):
            utterance, text = [*line.text.split(maxsplit=1), ""][:2]
            key = (below.parent / f"{utterance}.flac").as_posix()
            fault = line.fault or _fault(below, utterance, text)
            if fault is None and key in listed:
                fault = f"listed twice: {listed[key]} has {utterance} before"
            if fault is not None:
                yield Reject(f"{below.as_posix()}:{line.number}", fault)
            else:
                good.append(f"{utterance} {text}\n")
                listed[key] = transcript.name
    except CorpusError as error:
        yield Reject(below.as_posix(), f"no transcript ({str(error).replace(str(transcript), transcript.name)})")
    transcript.unlink()
    transcript.write_text("".join(good))


def _fault(below: Path, utterance: str, text: str) -> str | None:
    """Return why a line of the transcript `below` the tree cannot be used, or None."""
    if not text.strip():
        return f"no text (after {quote(utterance)})"
    where = _UTTERANCE.fullmatch(utterance)
    if where is None or where.groups() != below.parts[-3:-1]:
        return f"no utterance of its folder ({quote(utterance)} is not SPEAKER-CHAPTER-N)"
    return None


def _utterances(tree: ReadableTree, part: Path) -> Iterator[tuple[str, Source]]:
    """Yield (path below the tree, source); a clip is named by its utterance alone, wherever PATH begins."""
    with recipe_errors(tree):
        # alignments, which are not used, would be looked for beside the transcripts
        manifests = prepare_librispeech(part.parent, part / "none", dataset_parts=[part.name])[part.name]
    told = {supervision.recording_id: supervision for supervision in manifests["supervisions"]}
    for recording in manifests["recordings"]:
        key, said = tree.key_of(recording), told[recording.id]
        yield key, Source(recording.id, FileSound(tree.root / key), said.text, said.speaker, "en")


IMPORTER = Importer(
    kind="librispeech",
    roles=("speech",),
    licence="CC-BY-4.0",
    citation=(
        'V. Panayotov, G. Chen, D. Povey, S. Khudanpur, "LibriSpeech: an ASR corpus based on public domain '
        'audio books", ICASSP 2015.'
    ),
    source="https://www.openslr.org/12",
    speakers="the first number of the utterance's name (a reader)",
    speaker_namespace="librispeech",
    layout="PART/SPEAKER/CHAPTER/*.flac with *.trans.txt",
    remotes=tuple(
        Remote(f"https://www.openslr.org/resources/{part}.tar.gz", f"md5:{md5}") for part, md5 in _MD5.items()
    ),
    read=read,
)
