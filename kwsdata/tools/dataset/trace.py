"""Trace a clip: its parents, all that is heard in it, licences, recipe, stage, command and commit."""

from pathlib import Path
from typing import Any

import yaml

from kwsdata.clips.view import Fields
from kwsdata.errors import StageInputError
from kwsdata.files.atomic import load_json
from kwsdata.tools.dataset.members import Member, members_of
from kwsdata.tools.dataset.nearest import nearest_ids
from kwsdata.tools.dataset.trees import LOCK, Tree, git
from kwsdata.tools.publish.heard import Hearing

_DECLARED = ("kind", "licence", "licence_override", "citation", "source", "synthetic")
_MADE_BY = {"split": "split", "augmented": "augment", "mined": "mine_negatives", "testsets": "make_testsets",
            "rirs": "simulate_rirs"}  # fmt: skip


def trace(tree: Tree, cut_id: str, root: Path = Path()) -> dict[str, Any]:
    """Return the provenance of a clip.

    Returns:
        `cut`: what it is; `parents`: the clips it was cut or augmented from, nearest first; `heard`: what else sounds
        in it (noise, rooms, voices; of a stream every clip); `sources`: whose recordings all of that is in the end, and
        under which licences; `not_found`: sounds in it that no part has; `corpora`: what the corpora of all of them
        declare; `recipe` and `recipe_words`; `made`: stage, command, the output's hash in dvc.lock, and the commit of
        that.

    Raises:
        StageInputError: no clip has this id.
    """
    cut = next((member for member in members_of(tree) if member.id == cut_id), None)
    if cut is None:
        alike = ", ".join(nearest_ids(cut_id, (member.id for member in members_of(tree))))
        raise StageInputError(f"no clip of {tree.name} is called {cut_id!r}; nearest: {alike}.")
    parents: list[Member] = []
    while (above := _parent_of(tree, parents[-1] if parents else cut)) is not None and above not in parents:
        parents.append(above)
    wanted = set(cut.sources or ())
    found = _with_sounds(tree, wanted)
    heard = sorted((found[pair] for pair in wanted & found.keys()), key=lambda member: (member.part, member.id))
    sources = Hearing(tree).shares(cut)
    corpora = sorted({member.corpus for member in (cut, *parents, *heard)})
    return {
        "cut": _told(cut),
        "parents": [_told(member) for member in parents],
        "parent_not_found": (parents[-1] if parents else cut).parent,
        "heard": [_told(member) for member in heard],
        "not_found": [{"id": clip, "audio_sha256": audio} for clip, audio in sorted(wanted - found.keys())],
        "sources": [{"source": share.source, "licence": share.licence} for share in sources],
        "corpora": {corpus: _declared(tree, corpus) for corpus in corpora},
        "recipe": cut.recipe,
        "recipe_words": in_words(cut.recipe),
        "made": _made(tree, cut.part.split("/")[0], root),
    }


def _parent_of(tree: Tree, member: Member) -> Member | None:
    if member.parent is None or member.parent_audio is None:
        return None
    pair = (member.parent, member.parent_audio)
    return _with_sounds(tree, {pair}).get(pair)


def _with_sounds(tree: Tree, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Member]:
    """Return the clips with these (id, hash of the samples): one of another id where the sound alone is found.

    An unchanged copy has the samples of its parent, and does not stand for it.
    """
    found: dict[tuple[str, str], Member] = {}
    alike: dict[str, Member] = {}
    audios = {audio for _, audio in wanted}
    for member in members_of(tree) if wanted else ():
        if member.audio in audios:
            found.setdefault((member.id, member.audio), member)
            if not member.part.startswith("augmented/"):
                alike.setdefault(member.audio, member)
        if wanted <= found.keys():
            break
    there = {pair: found.get(pair, alike.get(pair[1])) for pair in wanted}
    return {pair: member for pair, member in there.items() if member is not None}


def in_words(recipe: dict[str, Any]) -> str:
    """Return the drawn effects of an augmented clip as one line; empty for a clip without."""
    drawn = Fields("", recipe).recipe
    told = [
        f"{effect.replace('_', ' ')} ({', '.join(f'{name} {_value(value)}' for name, value in numbers.items())})"
        for effect, numbers in drawn.items()
        if isinstance(numbers, dict)
    ]
    return ", then ".join(told)


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _told(member: Member) -> dict[str, Any]:
    fields = ("id", "part", "label", "speaker", "corpus", "licence", "synthetic")
    texts = [text for _, _, text in member.said if text]
    room = member.told.room
    return (
        {name: getattr(member, name) for name in fields}
        | ({"room": room} if room else {})
        | {
            "duration_s": round(member.hours * 3600, 4),
            "texts": texts,
            "audio_sha256": member.audio,
        }
    )


def _declared(tree: Tree, corpus: str) -> dict[str, Any] | None:
    """Return what corpus.json says about where it comes from; None for what is made here (rooms, streams)."""
    for folder in ("data/corpora", "data/synthetic"):
        path = f"{folder}/{corpus}/corpus.json"
        if tree.exists(path):
            with tree.open(path) as file:
                declared = load_json(file.read(), path)
            return {key: declared.get(key) for key in _DECLARED if key in declared}
    return None


def _made(tree: Tree, output: str, root: Path) -> dict[str, Any]:
    stage = _MADE_BY[output]
    made: dict[str, Any] = {"stage": stage, "command": f"kwsdata {stage.replace('_', '-')}", "output": f"data/{output}"}
    if not tree.exists(LOCK):
        return made | {"output_hash": None, "commit": None, "note": f"there is no {LOCK}: `dvc repro` writes it"}
    with tree.open(LOCK) as file:
        locked = (yaml.safe_load(file.read()).get("stages") or {}).get(stage) or {}
    outs = [out for out in locked.get("outs", []) if out["path"] == made["output"]]
    made |= {"command": locked.get("cmd", made["command"]), "output_hash": outs[0].get("md5") if outs else None}
    if not outs:
        made["note"] = f"{LOCK} does not record data/{output}: it was made by hand"
    if tree.commit is not None:
        return made | {"commit": git(root, "log", "-1", "--format=%H", tree.commit, "--", LOCK) or tree.commit}
    committed = git(root, "ls-files", LOCK) and not git(root, "status", "--porcelain", LOCK)
    if not committed:
        return made | {"commit": None, "note": f"{LOCK} is not committed as it is: `git add {LOCK}; git commit`"}
    return made | {"commit": git(root, "log", "-1", "--format=%H", "--", LOCK)}
