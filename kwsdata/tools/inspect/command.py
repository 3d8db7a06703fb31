"""The command `kwsdata inspect`: write the page of one clip, and open it."""

import webbrowser
from pathlib import Path
from typing import Any

from kwsdata.audio import SAMPLE_RATE
from kwsdata.clips.manifests import safe_id
from kwsdata.files.atomic import atomic_path
from kwsdata.tools.dataset.trace import trace
from kwsdata.tools.dataset.trees import open_tree
from kwsdata.tools.inspect.find import Found, find, find_if_there
from kwsdata.tools.inspect.page import Panel, fact_rows, page_of
from kwsdata.tools.inspect.words import sentences

_LONGEST_S = 60.0  # of a stream: its events are clips of their own
_EVENTS = 200  # listed of a stream
_TOLD = {"corpus", "label", "licence", "speaker", "partition", "synthetic", "role"}  # in the panel's own line
_HIDDEN = {"credits", "parent", "recipe", "shard", "segments", "sources", *_TOLD}
_PARENTS = 5


def inspect(clip_id: str, out: Path | None = None, open_browser: bool = True) -> dict[str, Any]:
    """Write one HTML file that holds the clip, its parents and its history; return where, and what was done to it.

    Args:
        clip_id: of any part of the dataset, or an event of a test stream.
        out: the file; by default `data/inspect/ID.html`.
        open_browser: show it.

    Raises:
        StageInputError: no clip has this id; or sound is missing or damaged.
    """
    tree = open_tree()
    clip = find(tree, clip_id)
    chain = [clip]
    while chain[-1].sources and len(chain) <= _PARENTS:
        parent = find_if_there(tree, chain[-1].sources[0])
        if parent is None:  # a recording of a pool that is no part of the dataset
            break
        chain.append(parent)
    history = trace(tree, clip.stream or clip_id)
    done = sentences(clip.recipe, {one["id"]: one["room"] for one in history["heard"] if one.get("room")})
    panels = [_panel(found, "Clip" if number == 0 else "Made from") for number, found in enumerate(chain)]
    nearest = clip.told.mined.get("nearest")
    if nearest and (word := find_if_there(tree, nearest)) is not None:
        panels.append(_panel(word, "The nearest recording of the keyword"))
    page = page_of(panels, done, _facts(clip, history), _tables(clip, history))
    out = out or Path("data/inspect") / f"{safe_id(clip_id)}.html"
    with atomic_path(out) as scratch:
        scratch.write_text(page, encoding="utf-8")
    if open_browser:
        webbrowser.open(out.resolve().as_uri())
    return {
        "page": str(out),
        "clip": clip_id,
        "part": clip.part,
        "parents": [one.id for one in chain[1:]],
        "done": done,
    }


def _panel(found: Found, role: str) -> Panel:
    told = [found.part.replace("/", ", ")]
    clip = found.told
    told += dict.fromkeys(str(one) for one in (clip.label_if_any, clip.corpus_if_any, clip.licence) if one)
    told += [f"speaker {clip.speaker}"] if clip.speaker else []
    told += ["synthetic"] if clip.synthetic else []
    wave = found.wave[: round(_LONGEST_S * SAMPLE_RATE)]
    if wave.size < found.wave.size:
        told.append(f"the first {_LONGEST_S:g} s of {found.wave.size / SAMPLE_RATE:.0f} s")
    if found.start:
        told.append(f"from {found.start / SAMPLE_RATE:.2f} s of the stream on")
    spans = tuple((start, min(end, _LONGEST_S), text) for start, end, text in found.spans if start < _LONGEST_S)
    return Panel(role, found.id, " · ".join(told), wave, spans)


def _facts(clip: Found, history: dict[str, Any]) -> list[tuple[str, str]]:
    facts = fact_rows(clip.told.without(_HIDDEN))
    if history["parent_not_found"]:
        facts.append(("cut from", f"{history['parent_not_found']}, which is no clip of the dataset"))
    return facts + [(f"made by: {name}", value) for name, value in fact_rows(history["made"])]


def _tables(clip: Found, history: dict[str, Any]) -> list[list[list[str]]]:
    tables = []
    if clip.events:
        head = ["event (a clip to listen to)", "at", "from", "room, noise"]
        rows = [
            [
                event["id"],
                f"{event['at_s']:.2f} s",
                event.get("source", ""),
                " ".join(sentences(event.get("recipe") or {}, {})),
            ]
            for event in clip.events[:_EVENTS]
        ]
        tables.append([head, *rows])
    heard = [one for one in history["heard"] if not clip.recipe or one["id"] in _named(clip.recipe)]
    if heard and not clip.events:
        tables.append(
            [["also heard in it", "label", "corpus", "licence"]]
            + [[one["id"], one["label"], one["corpus"], one["licence"]] for one in heard]
        )
    corpora = {name: declared for name, declared in history["corpora"].items() if declared}
    if corpora:
        tables.append(
            [["corpus", "licence", "source", "citation"]]
            + [
                [name, *(str(told.get(key) or "") for key in ("licence", "source", "citation"))]
                for name, told in corpora.items()
            ]
        )
    return tables


def _named(recipe: dict[str, Any]) -> set[str]:
    """Return every string in a recipe: ids of what it names, among other words."""
    found: set[str] = set()
    for value in recipe.values():
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, dict):
            found |= _named(value)
        elif isinstance(value, list):
            found |= {one for one in value if isinstance(one, str)}
    return found
