"""Where one clip comes from: its parents and all that is heard in it, licences, recipe, stage, command and commit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from kwsdata.dataset.members import Member, members_of
from kwsdata.dataset.nearest import nearest_ids
from kwsdata.dataset.trees import LOCK, Tree, git
from kwsdata.errors import StageInputError
from kwsdata.files import load_json

_MADE_BY = {"split": "split", "augmented": "augment", "mined": "mine_negatives", "testsets": "make_testsets",
            "rirs": "simulate_rirs"}  # fmt: skip


def trace(tree: Tree, cut_id: str, root: Path = Path()) -> dict[str, Any]:
    """Return the provenance of a clip.

    Returns:
        `cut`: what it is; `parents`: the clips it was cut or augmented from, nearest first; `heard`: what else sounds
        in it (noise, rooms, voices; of a stream every clip); `corpora`: what the corpora of all of them declare;
        `recipe` and `recipe_words`; `made`: stage, command, the output's hash in dvc.lock, and the commit of that.

    Raises:
        StageInputError: no clip has this id.
    """
    found = {member.id: member for member in _with_ids(tree, {cut_id})}
    if cut_id not in found:
        alike = ", ".join(nearest_ids(cut_id, (member.id for member in members_of(tree))))
        raise StageInputError(f"no clip of {tree.name} is called {cut_id!r}; nearest: {alike}.")
    cut = found[cut_id]
    parents: list[Member] = []
    while (parent := (parents[-1] if parents else cut).parent) is not None:
        above = next(_with_ids(tree, {parent}), None)
        if above is None or above.id in {one.id for one in parents}:
            break
        parents.append(above)
    wanted = heard_in(cut.recipe) - {cut_id}
    heard = sorted(_with_ids(tree, wanted), key=lambda member: (member.part, member.id))
    corpora = sorted({member.corpus for member in (cut, *parents, *heard)})
    return {
        "cut": _told(cut),
        "parents": [_told(member) for member in parents],
        "parent_not_found": (parents[-1] if parents else cut).parent,
        "heard": [_told(member) for member in heard],
        "corpora": {corpus: _declared(tree, corpus) for corpus in corpora},
        "recipe": cut.recipe,
        "recipe_words": in_words(cut.recipe),
        "made": _made(tree, cut.part.split("/")[0], root),
    }


def heard_in(recipe: dict[str, Any]) -> set[str]:
    """Return the ids of the clips and rooms that a recipe names, besides the parent."""
    drawn = recipe.get("recipe") or {}
    ids = {(drawn.get(effect) or {}).get(name) for effect, name in
           (("noise", "noise"), ("context", "speech"), ("reverb", "rir"))}  # fmt: skip
    ids |= set((drawn.get("babble") or {}).get("voices", []))
    ids |= {segment[2] for segment in recipe.get("segments", [])}
    ids |= {(event.get("recipe") or {}).get("rir") for event in recipe.get("events", [])}
    return {str(one) for one in ids if one}


def in_words(recipe: dict[str, Any]) -> str:
    """Return the drawn effects of an augmented clip as one line; empty for a clip without."""
    drawn = recipe.get("recipe") or {}
    told = [
        f"{effect.replace('_', ' ')} ({', '.join(f'{name} {_value(value)}' for name, value in numbers.items())})"
        for effect, numbers in drawn.items()
        if isinstance(numbers, dict)
    ]
    return ", then ".join(told)


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _with_ids(tree: Tree, ids: set[str]) -> Iterator[Member]:
    """Yield the clips with these ids, reading manifests until all are found."""
    missing = set(ids)
    if missing:
        for member in members_of(tree):
            if member.id in missing:
                missing.remove(member.id)
                yield member
                if not missing:
                    return


def _told(member: Member) -> dict[str, Any]:
    fields = ("id", "part", "label", "speaker", "corpus", "licence", "synthetic")
    texts = [text for _, _, text in member.said if text]
    room = {key: member.recipe[key] for key in ("t60_measured_s", "distance_m") if key in member.recipe}
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
            return {key: declared.get(key) for key in ("kind", "licence", "citation", "source", "synthetic")}
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
