"""Tiny corpora in the layout their sources document: tones for voices, one damaged file and one silent file in each.

Every good clip is a 440 Hz tone of its own level, 0.6 s, in some format, rate and channel count.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from sound import tone

HZ = 440.0
SECONDS = 0.6
FORMATS = {
    ".wav": ("WAV", "PCM_24"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}


def write(path: Path, wave: np.ndarray, rate: int, channels: int = 1) -> Path:
    """Write `wave` [samples] to every channel of a file whose format its extension names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind, subtype = FORMATS[path.suffix]
    soundfile.write(path, np.stack([wave] * channels, axis=1), rate, format=kind, subtype=subtype)
    return path


def put_tone(path: Path, number: int, rate: int = 16_000, channels: int = 1) -> Path:
    """Write the tone of clip `number`; its level makes it unlike any other."""
    return write(path, tone(HZ, SECONDS, 0.2 + 0.03 * number, rate), rate, channels)


def put_silence(path: Path, rate: int = 16_000) -> Path:
    """Write noise of one step of 16 bits: it decodes, and there is nothing to hear."""
    steps = np.random.default_rng(0).integers(-1, 2, round(SECONDS * rate))
    return write(path, (steps / 2**15).astype(np.float32), rate)


def put_garbage(path: Path) -> Path:
    """Write bytes that are no sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not a sound file " * 20)
    return path


@dataclass(frozen=True)
class Case:
    """A corpus: how to build it, what to ask for, and what must come out."""

    kind: str
    build: Callable[[Path], Path]
    speakers: set[str] | None  # None: unknown
    texts: set[str | None]
    clips: int
    rejects: tuple[str, str]  # part of the key of the damaged and of the silent one
    asked: dict[str, Any] = field(default_factory=dict)
    licence: str | None = None


def folder(root: Path) -> Path:
    put_tone(root / "computer/alice-1.wav", 0, 44_100, 2)
    put_tone(root / "computer/bob-1.flac", 1, 22_050)
    put_tone(root / "computer/carol-1.opus", 2, 48_000, 2)
    put_tone(root / "hey_computer/alice-2.mp3", 3, 44_100, 2)
    put_tone(root / "hey_computer/bob-2.ogg", 4, 32_000)
    put_tone(root / "hey_computer/carol-2.wav", 5, 8_000)
    put_garbage(root / "computer/dora-1.wav")
    put_silence(root / "computer/dora-2.wav")
    return root


def speech_commands(root: Path) -> Path:
    put_tone(root / "yes/0a7c2a8d_nohash_0.wav", 0)
    put_tone(root / "yes/0a7c2a8d_nohash_1.wav", 1)
    put_tone(root / "no/1b4c9b89_nohash_0.wav", 2, 48_000, 2)
    put_tone(root / "_background_noise_/pink_noise.wav", 3)
    put_garbage(root / "no/2aca1e72_nohash_0.wav")
    put_silence(root / "no/2aca1e72_nohash_1.wav")
    (root / "LICENSE").write_text("CC-BY-4.0")
    return root


def librispeech(root: Path) -> Path:
    root = root / "LibriSpeech"
    lines = {"84-121123": ("GO DO YOU HEAR", "BUT IN LESS"), "174-50561": ("FORGOTTEN TOO", "HE WAS", "SILENT")}
    for number, (chapter, texts) in enumerate(lines.items()):
        place = root / "dev-clean" / chapter.replace("-", "/")
        for line in range(len(texts)):
            put_tone(place / f"{chapter}-{line:04d}.flac", 3 * number + line)
        rows = [f"{chapter}-{line:04d} {text}\n" for line, text in enumerate(texts)]
        (place / f"{chapter}.trans.txt").write_text("".join(rows))
    put_garbage(root / "dev-clean/174/50561/174-50561-0001.flac")
    put_silence(root / "dev-clean/174/50561/174-50561-0002.flac")
    return root


def musan(root: Path) -> Path:
    root = root / "musan"
    put_tone(root / "noise/free-sound/noise-free-sound-0000.wav", 0)
    put_tone(root / "noise/sound-bible/noise-sound-bible-0000.wav", 1)
    put_tone(root / "music/fma/music-fma-0000.wav", 2)
    put_tone(root / "music/fma/music-fma-0001.wav", 3)
    put_tone(root / "speech/librivox/speech-librivox-0000.wav", 4)
    put_garbage(root / "music/fma/music-fma-0002.wav")
    put_silence(root / "noise/free-sound/noise-free-sound-0001.wav")
    notes = [f"music-fma-000{number} jazz,pop {'Y' if number else 'N'} the_tones\n" for number in range(3)]
    (root / "music/fma/ANNOTATIONS").write_text("".join(notes))
    return root


def mswc(root: Path) -> Path:
    rows = ["SET,LINK,WORD,VALID,SPEAKER,GENDER\n"]

    def put(clip: str, speaker: str, valid: str = "True") -> Path:
        rows.append(f"TRAIN,{clip},{clip.split('/')[0]},{valid},{speaker},FEMALE\n")
        return root / "en/clips" / clip

    put_tone(put("computer/common_voice_en_1.opus", "aa11"), 0, 48_000)
    put_tone(put("house/common_voice_en_1.opus", "aa11"), 1, 48_000)
    put_tone(put("house/common_voice_en_2.opus", "bb22"), 2, 48_000)
    put_tone(put("house/common_voice_en_3.opus", "NA", "False"), 3, 48_000)
    put_garbage(put("house/common_voice_en_4.opus", "cc33"))
    put_silence(put("house/common_voice_en_5.opus", "cc33"), 48_000)
    (root / "en/en_splits.csv").write_text("".join(rows))
    return root


def common_voice(root: Path) -> Path:
    place = root / "cv-corpus-13.0/cy"
    rows = ["client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccents\tlocale\tsegment\n"]

    def put(number: int, client: str, sentence: str) -> Path:
        name = f"common_voice_cy_{number}.mp3"
        rows.append(f"{client}\t{name}\t{sentence}\t2\t0\ttwenties\tmale_masculine\t\tcy\t\n")
        return place / "clips" / name

    put_tone(put(1, "abc", 'Dwedodd hi "helo'), 0, 48_000)
    put_tone(put(2, "abc", "Bore  da."), 1, 32_000)
    put_tone(put(3, "def", "Nos da."), 2, 44_100, 2)
    put_garbage(put(4, "def", "Drwg."))
    put_silence(put(5, "def", "Tawel."), 48_000)
    put_tone(place / "clips/common_voice_cy_6.mp3", 3, 48_000)  # in no table: not validated
    (place / "validated.tsv").write_text("".join(rows))
    return place


def lhotse(root: Path) -> Path:
    from lhotse import CutSet, Recording, SupervisionSegment

    files = [put_tone(root / "sound" / f"{n}.wav", n, 44_100, 1 + n % 2) for n in range(3)]
    files += [put_tone(root / "sound/bad.wav", 3), put_silence(root / "sound/quiet.wav")]
    cuts = []
    for number, file in enumerate(files):
        cut = Recording.from_file(file, recording_id=file.stem).to_cut()
        who = f"speaker{number % 2}"
        cut.supervisions.append(
            SupervisionSegment(file.stem, file.stem, 0.1, 0.4, 0, f"Word {number}", "en", who, "FEMALE")
        )
        cut.recording.sources[0].source = f"sound/{file.name}"
        cuts.append(cut)
    put_garbage(root / "sound/bad.wav")
    path = root / "cuts.jsonl.gz"
    CutSet.from_cuts(cuts).to_file(path)
    return path


def hugging_face(root: Path) -> Path:
    import datasets

    files = [
        put_tone(root / "sound/0.flac", 0, 44_100, 2),
        put_tone(root / "sound/1.mp3", 1, 48_000),
        put_tone(root / "sound/2.wav", 2, 8_000),
        put_garbage(root / "sound/3.wav"),
        put_silence(root / "sound/4.wav"),
    ]
    table = datasets.Dataset.from_dict(
        {
            "audio": [{"bytes": file.read_bytes(), "path": file.name} for file in files],
            "keyword": [0, 1, 1, 0, 0],
            "speaker_id": [7, 7, 9, 9, 9],
        }
    )
    table = table.cast_column("keyword", datasets.ClassLabel(names=["Stop", "Go"]))
    table.cast_column("audio", datasets.Audio()).save_to_disk(str(root / "saved"))
    return root / "saved"


CASES = [
    Case(
        "folder",
        folder,
        {"alice", "bob", "carol"},
        {"computer", "hey computer"},
        6,
        ("dora-1", "dora-2"),
        {"role": "keyword", "speaker_pattern": r"(?P<speaker>[a-z]+)-\d\.\w+$", "licence": "own", "language": "en"},
        "own",
    ),
    Case(
        "speech-commands",
        speech_commands,
        {"0a7c2a8d", "1b4c9b89"},
        {"yes", "no"},
        3,
        ("2aca1e72_nohash_0", "2aca1e72_nohash_1"),
        licence="CC-BY-4.0",
    ),
    Case(
        "librispeech",
        librispeech,
        {"84", "174"},
        {"go do you hear", "but in less", "forgotten too"},
        3,
        ("174-50561-0001", "174-50561-0002"),
        licence="CC-BY-4.0",
    ),
    Case(
        "musan",
        musan,
        {"the_tones", "noise/free-sound/noise-free-sound-0000.wav", "noise/sound-bible/noise-sound-bible-0000.wav"},
        {None},
        4,
        ("music-fma-0002", "noise-free-sound-0001"),
        licence="CC-BY-4.0",
    ),
    Case(
        "mswc",
        mswc,
        {"aa11", "bb22"},
        {"computer", "house"},
        3,
        ("common_voice_en_4", "common_voice_en_5"),
        licence="CC-BY-4.0",
    ),
    Case(
        "common-voice",
        common_voice,
        {"abc", "def"},
        {'dwedodd hi "helo', "bore da.", "nos da."},
        3,
        ("common_voice_cy_4", "common_voice_cy_5"),
        licence="CC0-1.0",
    ),
    Case(
        "lhotse",
        lhotse,
        {"speaker0", "speaker1"},
        {"word 0", "word 1", "word 2"},
        3,
        ("bad", "quiet"),
        {"role": "speech", "licence": "CC0-1.0"},
        "CC0-1.0",
    ),
    Case(
        "hf",
        hugging_face,
        {"7", "9"},
        {"stop", "go"},
        3,
        ("00000003", "00000004"),
        {"role": "keyword", "licence": "CC0-1.0"},
        "CC0-1.0",
    ),
]
