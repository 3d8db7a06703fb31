"""Write a page for each augmentation effect: docs/effects/NAME.md, from the chain, the schema and params.yaml.

    python scripts/make_effects.py [--check]

The sounds and pictures of the pages are made when the site is built (`media`), from the clips of
docs/effects/sounds. tests/test_effect_pages.py fails where a page is not what this writes.
"""

import inspect
import io
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import soundfile
import yaml
from scipy.signal import butter, lfilter

from kwsdata import simulate_room, sound_materials
from kwsdata.audio import SAMPLE_RATE, Waveform
from kwsdata.draws import rng_for
from kwsdata.effects.base import Effect, Take
from kwsdata.effects.chain import EFFECTS
from kwsdata.effects.recipe import Recipe
from kwsdata.effects.render import render
from kwsdata.measures.spectrogram import spectrogram_png
from kwsdata.params import load_params
from kwsdata.params.base import Range
from kwsdata.pools.materials import Materials
from kwsdata.stages.synthesize.noises import coloured_noise
from kwsdata.transforms.engine import engine_for

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "effects"
CLIPS = PAGES / "sounds"  # spoken by Kokoro-82M
SOUND = "<!-- before and after -->"  # the site puts pictures and players here
UNITS = {  # by the end of a key's name
    "_dbfs": "dB of full scale", "_db": "dB", "_hz": "Hz", "_s": "s", "seconds": "s", "semitones": "semitones",
    "factor": "times", "probability": "share of copies", "fraction": "share of samples",
}  # fmt: skip
COLUMNS_PER_S = 200  # of a spectrogram
EDGE = SAMPLE_RATE // 8  # samples of silence around the clip, in which it can be moved


def pages() -> dict[str, str]:
    """Return {file name: text} of all pages, the index included."""
    return {"README.md": index()} | {f"{effect.name}.md": page(effect) for effect in EFFECTS}


def index() -> str:
    """Return the page that lists the effects in the order in which they are done."""
    rows = [f"| {number} | [{e.name}]({e.name}.md) | {_does(e)} |" for number, e in enumerate(EFFECTS, 1)]
    return "\n".join(
        [
            "# Effects",
            "",
            "Made by `python scripts/make_effects.py` from the chain, the schema and `params.yaml`; a test fails where",
            "these pages and the code differ. A copy of a clip gets each effect with its `probability`, in this order,",
            "as sound meets a device. [Augmentation](../augmentation.md): what they cost, what tests ask of them.",
            "",
            "| | effect | what it does to a copy |",
            "|---|---|---|",
            *rows,
            "",
            'All pages use one clip, "computer", spoken by a synthetic voice, and voices that say a sentence each.',
            "",
        ]
    )


def page(effect: Effect[Any, Any]) -> str:
    """Return the page of an effect."""
    block = yaml.safe_load((ROOT / "params.yaml").read_text())["augment"]["effects"][effect.name]
    draw, record = _drawn(effect)
    number = EFFECTS.index(effect)
    before = f"after [{EFFECTS[number - 1].name}]({EFFECTS[number - 1].name}.md)" if number else "first"
    after = f", before [{EFFECTS[number + 1].name}]({EFFECTS[number + 1].name}.md)" if number + 1 < len(EFFECTS) else ""
    who = "" if effect.for_noise else " Recordings of noise do not get it."
    needs = {
        "recordings": "recordings of people",
        "rirs": "rooms",
        "noises": "recordings of noise",
        "speech": "other speech",
    }.get(effect.needs, "")
    lines = [
        f"# {effect.name}",
        "",
        _does(effect),
        "",
        f"Place in [the chain](README.md): {before}{after}.{who}{f' It needs {needs}.' if needs else ''}",
        "",
        SOUND,
        "",
        "## Numbers",
        "",
        f"The block `augment.effects.{effect.name}` of `params.yaml`:",
        "",
        "| key | unit | value here | |",
        "|---|---|---|---|",
        *_keys(effect, block),
        "",
        "```console",
        f"$ dvc exp run -S augment.effects.{effect.name}.probability={0 if block['probability'] else 0.5}",
        "```",
        "",
        "## What a cut stores",
        "",
        f'`custom["recipe"]` of a copy has the draw under `{effect.name}`; the same sound is made from it at any time:',
        "",
        "```json",
        json.dumps({effect.name: record}, indent=2),
        "```",
        "",
        f"In words, as `kwsdata inspect` shows it: *{effect.describe(draw)}*",
        "",
        f"Code: `{type(effect).__module__}.{type(effect).__name__}`.",
        "",
    ]
    return "\n".join(lines)


def sounds(effect: Effect[Any, Any]) -> tuple[Waveform, Waveform]:
    """Return the clip before and after the draw that the page shows, float32 [samples] at 16 kHz."""
    before = np.pad(clip(_clip_of(effect)), EDGE)
    draw, _ = _drawn(effect)
    take = Take.of(before, (EDGE, before.size - EDGE), engine_for("fast", "cpu"))
    (made,) = render([take], [Recipe(1, {effect.name: draw})], materials())
    return before, made.wave


def media() -> Iterator[tuple[str, bytes]]:
    """Yield (file name, bytes) of the players' sounds (FLAC) and the spectrograms (PNG) of all pages."""
    for effect in EFFECTS:
        for name, wave in zip(("before", "after"), sounds(effect), strict=True):
            packed = io.BytesIO()
            soundfile.write(packed, wave, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
            yield f"{effect.name}-{name}.flac", packed.getvalue()
            yield f"{effect.name}-{name}.png", spectrogram_png(wave, round(wave.size / SAMPLE_RATE * COLUMNS_PER_S))


def players(name: str) -> str:
    """Return the HTML that stands for `SOUND` on the page of effect `name`."""
    figures = "\n".join(
        f'<figure><img src="../media/{name}-{which}.png" alt="Spectrogram {which}, 0 to 8 kHz">'
        f"<figcaption>{which.capitalize()}</figcaption>"
        f'<audio controls src="../media/{name}-{which}.flac"></audio></figure>'
        for which in ("before", "after")
    )
    return f'<div class="before-after">\n{figures}\n</div>'


@cache
def clip(name: str) -> Waveform:
    """Return a clip of docs/effects/sounds, float32 [samples] at 16 kHz."""
    wave, rate = soundfile.read(CLIPS / f"{name}.flac", dtype="float32")
    assert rate == SAMPLE_RATE
    return wave


@cache
def materials() -> Materials:
    """Return what the effects of the pages mix in or take over: a room, a noise, other voices, a dull microphone."""
    pink = coloured_noise(np.random.default_rng(1), 4 * SAMPLE_RATE, 3.0)
    dull = lfilter(*butter(2, (150, 2500), "bandpass", fs=SAMPLE_RATE), clip("voice-2"))
    return sound_materials(
        rooms={"living-room": simulate_room(5.0, 4.0, 2.6, t60_s=0.5, distance_m=2.0, seed=1).response},
        noises={"pink-noise": (0.1 * pink / np.abs(pink).max()).astype(np.float32)},
        speech={f"voice-{number}": clip(f"voice-{number}") for number in (1, 2, 3)},
        recordings={"dull-microphone": (dull + 0.01 * pink[: dull.size] / np.abs(pink).max()).astype(np.float32)},
    )


def _clip_of(effect: Effect[Any, Any]) -> str:
    return "computer" if effect.keeps_text else "voice-1"  # pieces are cut of speech, never of the word


def _drawn(effect: Effect[Any, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the draw that the page shows, with numbers rounded as people read them, and its record."""
    block = getattr(load_params(ROOT / "params.yaml").augment.effects, effect.name)
    draw = effect.draw(rng_for(1, "docs", effect.name), block, materials())
    record = {key: _rounded(value) for key, value in vars(draw).items()}
    return effect.draw_from(record), record


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 3) if isinstance(value, float) else value


def _does(effect: Effect[Any, Any]) -> str:
    """Return the first sentence of the effect's docstring."""
    said = " ".join((inspect.getdoc(type(effect)) or "").split())
    return re.split(r"(?<=\.)\s(?=[A-Z])", said)[0]


def _keys(effect: Effect[Any, Any], block: dict[str, Any]) -> Iterator[str]:
    source = "".join(inspect.getsource(kind) for kind in (effect.params, effect.params.__base__))
    for key, field in effect.params.model_fields.items():
        unit = next((unit for end, unit in UNITS.items() if f"_{key}".endswith(end)), "")
        said = re.search(rf"^    {key}: [^#\n]*# (.*)$", source, re.M)
        value = block[key]
        shown = f"{value['low']} to {value['high']}" if field.annotation is Range else json.dumps(value)
        yield f"| `{key}` | {unit} | {shown} | {said[1] if said else ''} |"


def main() -> None:
    """Write the pages, or with --check say whether they are current."""
    made = pages()
    if "--check" in sys.argv:
        stale = [
            name for name, text in made.items() if not (PAGES / name).exists() or (PAGES / name).read_text() != text
        ]
        if stale:
            raise SystemExit(f"{', '.join(stale)} in {PAGES}: not current. Type python scripts/make_effects.py")
        return
    for name, text in made.items():
        (PAGES / name).write_text(text)


if __name__ == "__main__":
    main()
