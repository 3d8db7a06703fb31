"""Write the page of `kwsdata inspect`: panels of a clip and its parents on one time scale.

One file: sound and pictures are inside, nothing is fetched. The script moves a line with the sound and lets a click
choose the place; without it the page says and plays the same.
"""

from base64 import b64encode
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np

from kwsdata.audio import SAMPLE_RATE, Waveform, dbfs, encode_flac, rms
from kwsdata.measures.spectrogram import spectrogram_png

_WIDTH = 1000.0  # of the longest clip's picture, in units of the page
_WAVE, _GAP, _PICTURE, _AXIS, _LEFT = 80, 8, 150, 18, 44
_TICKS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
_FEWEST_TICKS = 12

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #667; --line: #8885; --wave: #3465a4; --span: #f5a62333 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9aa3ad; --wave: #7aa7e0; --span: #f5a62344 } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 1.5rem auto; padding: 0 1rem; color: var(--ink) }
h1, h2 { overflow-wrap: anywhere; margin: 0 0 .2rem } h1 { font-size: 1.25rem } h2 { font-size: 1.05rem }
section { padding: .8rem 0 } section + section { border-top: 1px solid var(--line) }
p { margin: .3rem 0 } .soft { color: var(--soft) }
svg { display: block; width: 100%; height: auto; cursor: pointer } svg text { font-size: 11px; fill: var(--soft) }
audio { width: 100%; max-width: 36rem; height: 2.4rem; margin: .3rem 0 } code { overflow-wrap: anywhere }
ol { margin: .3rem 0; padding-left: 1.4rem } .tables { overflow-x: auto }
table { border-collapse: collapse; margin: .5rem 0 }
td, th { text-align: left; padding: .15rem .9rem .15rem 0; vertical-align: top }
th { font-weight: 600; color: var(--soft) } td { overflow-wrap: break-word; max-width: 40rem }
"""

_SCRIPT = """
for (const panel of document.querySelectorAll("section[data-seconds]")) {
  const sound = panel.querySelector("audio"), svg = panel.querySelector("svg"), line = panel.querySelector(".now");
  const left = +svg.dataset.left, width = +svg.dataset.width, seconds = +panel.dataset.seconds;
  const move = () => {
    const x = left + width * Math.min(1, sound.currentTime / seconds);
    line.setAttribute("x1", x); line.setAttribute("x2", x);
    if (!sound.paused) requestAnimationFrame(move);
  };
  for (const happening of ["play", "timeupdate", "seeked"]) sound.addEventListener(happening, move);
  sound.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== sound) other.pause();
  });
  svg.addEventListener("click", event => {
    const box = svg.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    sound.currentTime = Math.max(0, Math.min(1, (x - left) / width)) * seconds;
  });
}
"""


@dataclass(frozen=True)
class Panel:
    """One clip: `role` says what it is here, `about` what is known of it; `spans` (start_s, end_s, text)."""

    role: str
    id: str
    about: str
    wave: Waveform
    spans: tuple[tuple[float, float, str], ...]


def page_of(panels: list[Panel], done: list[str], facts: list[tuple[str, str]], tables: list[list[list[str]]]) -> str:
    """Return HTML.

    Args:
        panels: the clip first, then its parents.
        done: its recipe in sentences.
        facts: (name, value) of what else is known.
        tables: rows of further tables, the first row being the head.
    """
    longest = max(panel.wave.size for panel in panels) / SAMPLE_RATE
    scale = _WIDTH / max(longest, 0.1)
    parts = [_panel(panels[0], scale, heading="h1")]
    if done:
        parts.append(
            f"<section><h2>What was done</h2><ol>{''.join(f'<li>{escape(one)}</li>' for one in done)}</ol></section>"
        )
    parts += [_panel(panel, scale, heading="h2") for panel in panels[1:]]
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts)
    more = "".join(_table(table) for table in tables)
    parts.append(f'<section class="tables"><h2>Where it comes from</h2><table>{rows}</table>{more}</section>')
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(panels[0].id)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + f"\n<script>{_SCRIPT}</script></body></html>\n"
    )


def _table(rows: list[list[str]]) -> str:
    def row(cells: list[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

    return f"<table>{row(rows[0], 'th')}{''.join(row(cells, 'td') for cells in rows[1:])}</table>"


def _panel(panel: Panel, scale: float, heading: str) -> str:
    seconds = panel.wave.size / SAMPLE_RATE
    peak = float(np.abs(panel.wave).max(initial=0.0))
    level = f"{seconds:.2f} s, peak {dbfs(peak):.1f} dBFS, RMS {dbfs(rms(panel.wave)):.1f} dBFS"
    sound = b64encode(encode_flac(panel.wave)).decode() if panel.wave.size else ""
    return (
        f'<section data-seconds="{seconds:.6f}"><p class="soft">{escape(panel.role)}</p>'
        f"<{heading}>{escape(panel.id)}</{heading}>"
        f'<p>{escape(panel.about)}</p><p class="soft">{level}</p>'
        f'<audio controls preload="metadata" src="data:audio/flac;base64,{sound}"></audio>'
        f"{_drawing(panel, scale)}</section>"
    )


def _drawing(panel: Panel, scale: float) -> str:
    width = max(panel.wave.size / SAMPLE_RATE * scale, 1.0)
    top, bottom = _WAVE + _GAP, _WAVE + _GAP + _PICTURE
    spans = "".join(
        f'<rect x="{_LEFT + start * scale:.1f}" y="0" width="{(end - start) * scale:.1f}" height="{_WAVE}" '
        f'fill="var(--span)"/><text x="{_LEFT + start * scale + 3:.1f}" y="11">{escape(text)}</text>'
        for start, end, text in panel.spans
    )
    picture = b64encode(spectrogram_png(panel.wave, max(int(width), 2))).decode()
    scale_khz = "".join(
        f'<text x="{_LEFT - 6}" y="{bottom - _PICTURE * khz / 8 + 4:.0f}" text-anchor="end">{khz or "kHz"}</text>'
        for khz in (0, 2, 4, 6, 8)
    )
    return (
        f'<svg viewBox="0 0 {_LEFT + _WIDTH + 16:.0f} {bottom + _AXIS}" data-left="{_LEFT}" data-width="{width:.1f}" '
        f'role="img" aria-label="Waveform and spectrogram of {escape(panel.id)}">{spans}'
        f'<path d="{_outline(panel.wave, width)}" fill="var(--wave)"/>'
        f'<image x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_PICTURE}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{picture}"/>{scale_khz}{_ticks(panel.wave.size / SAMPLE_RATE, scale, bottom)}'
        f'<line class="now" x1="{_LEFT}" x2="{_LEFT}" y1="0" y2="{bottom}" stroke="#e33"/></svg>'
    )


def _outline(wave: Waveform, width: float) -> str:
    """Return an SVG path round the lowest and highest sample of each unit of width, as loud as it is at its loudest."""
    columns = max(int(width), 1)
    edges = np.linspace(0, wave.size, columns + 1).astype(int)
    gain = (_WAVE / 2 - 2) / max(float(np.abs(wave).max(initial=0.0)), 1e-6)
    high, low = [], []
    for start, end in pairwise(edges):
        piece = wave[start : max(end, start + 1)]
        high.append(_WAVE / 2 - gain * float(piece.max(initial=-1.0)) if piece.size else _WAVE / 2)
        low.append(_WAVE / 2 - gain * float(piece.min(initial=1.0)) if piece.size else _WAVE / 2)
    points = [(x, y - 0.3) for x, y in enumerate(high)] + [(x, low[x] + 0.3) for x in reversed(range(columns))]
    return "M" + "L".join(f"{_LEFT + x} {y:.1f}" for x, y in points) + "Z"


def _ticks(seconds: float, scale: float, y: int) -> str:
    every = next((tick for tick in _TICKS_S if _WIDTH / scale / tick <= _FEWEST_TICKS), _TICKS_S[-1])
    at = np.arange(0, seconds + 1e-9, every)
    return "".join(
        f'<line x1="{_LEFT + t * scale:.1f}" x2="{_LEFT + t * scale:.1f}" y1="{y}" y2="{y + 4}" stroke="var(--soft)"/>'
        f'<text x="{_LEFT + t * scale:.1f}" y="{y + 15}" text-anchor="middle">{t:g}{" s" if t == 0 else ""}</text>'
        for t in at
    )


def fact_rows(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the plain values of a mapping as (name, value), nested ones by their path."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        name = key.replace("_", " ")
        if isinstance(value, dict):
            rows += [(f"{name}: {inner}", told) for inner, told in fact_rows(value)]
        elif isinstance(value, list):
            rows += [(name, ", ".join(str(one) for one in value))] if value else []
        elif value is not None and value != "":
            rows.append((name, f"{value:.4g}" if isinstance(value, float) else str(value)))
    return rows
