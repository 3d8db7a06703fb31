"""The hardest windows as one file to send or keep: players and spectrograms inside, no server, no scripts."""

from base64 import b64encode
from html import escape
from pathlib import Path

from kwsdata.files.atomic import atomic_path
from kwsdata.tools.review.candidates import Candidates
from kwsdata.tools.review.media import spectrogram_of, wav_of, window_of

_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "section{border-top:1px solid #ccc;padding:.6rem 0}"
    "img{max-width:100%;display:block}audio{width:100%}code{overflow-wrap:anywhere}"
)


def export_page(candidates: Candidates, out: Path, count: int, status: str | None = "mine") -> int:
    """Write the `count` hardest candidates of a status (all, if None) to the HTML file `out`. Returns how many.

    Raises:
        StageInputError: a window's sound is missing or truncated.
        AudioError: it is no sound.
    """
    every = candidates.numbers(status, undecided=False)
    numbers = sorted(every, key=lambda number: -candidates.row(number)["rank"])[:count]
    sections = "".join(_section(place, candidates, number) for place, number in enumerate(numbers, start=1))
    title = (
        f"The {len(numbers)} hardest sounds that are not the keyword" if status == "mine" else "Candidates of mining"
    )
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{sections}</body></html>\n"
    )
    with atomic_path(out) as scratch:
        scratch.write_text(page, encoding="utf-8")
    return len(numbers)


def _section(place: int, candidates: Candidates, number: int) -> str:
    row = candidates.row(number)
    wave, middle = window_of(*candidates.place(number))
    picture = b64encode(spectrogram_of(wave, middle, candidates.window(number))).decode()
    sound = b64encode(wav_of(wave)).decode()
    score = "" if row["score"] is None else f", model {row['score']:.2f}"
    return (
        f"<section><h2>{place}. {escape(row['text'] or row['clip'])}</h2>"
        f"<p>rank {row['rank']:.2f}, similarity {row['similarity']:.2f}{score}, found by {escape(row['found_by'])}; "
        f"<code>{escape(row['clip'])}</code> at {row['at_s']:.2f} s; nearest <code>{escape(row['nearest'])}</code></p>"
        f'<img alt="spectrogram" src="data:image/png;base64,{picture}">'
        f'<audio controls preload="metadata" src="data:audio/wav;base64,{sound}"></audio></section>'
    )
