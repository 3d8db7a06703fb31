"""Survey, gate, write beside, rename: `publish` from manifests and shards to a directory that anybody can read."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kwsdata import __version__
from kwsdata.clips.corpus import ROOTS, CorpusInfo, read_info
from kwsdata.errors import StageInputError
from kwsdata.execution.progress import progress
from kwsdata.files.atomic import atomic_path, sha256_of, write_json
from kwsdata.params import Params
from kwsdata.params.files import read_merged
from kwsdata.tools.dataset.trees import Tree, git, open_tree
from kwsdata.tools.publish.card import Facts, card_of
from kwsdata.tools.publish.content import Item, fields_in, items_of
from kwsdata.tools.publish.disclosure import public_params, without_credentials
from kwsdata.tools.publish.gate import check_licences
from kwsdata.tools.publish.heard import Hearing
from kwsdata.tools.publish.layouts import LAYOUTS
from kwsdata.tools.publish.limits import limits
from kwsdata.tools.publish.survey import Survey, chosen_parts, survey

MARK = "publish.json"  # says that a directory was made by `publish`, and what is in it
FORMAT = 1


def publish(
    params: Params, params_path: Path, out: Path, layouts: Sequence[str], parts: Sequence[str], exclude: Iterable[str]
) -> dict[str, Any]:
    """Write the chosen parts of the dataset in the current directory as `out`, whole or not at all.

    Args:
        params: their block `publish` says what is excluded and permitted besides.
        params_path: the file they came from; what may leave this machine of all of them lies beside the card.
        layouts: of `kwsdata.tools.publish.layouts.LAYOUTS`.
        parts: "split", "split/train", ... (see `kwsdata.tools.dataset.members`).
        exclude: names of sources to leave out, with every clip they are heard in.

    Returns:
        The contents of `out/publish.json`, without the list of files.

    Raises:
        LicenceError: the licences do not permit it.
        StageInputError: an option names nothing; a manifest or shard is missing or damaged; `out` holds other files.
    """
    check_ours(out)
    prepared = Prepared(params, parts, exclude)
    with atomic_path(out) as scratch:
        scratch.mkdir(parents=True)
        prepared.write(scratch, layouts, params_path)
        told = prepared.told(layouts)
        write_json(scratch / MARK, told | {"files": _files(scratch)})
    return told


def card(params: Params, parts: Sequence[str], exclude: Iterable[str]) -> str:
    """Return the card that `publish` would write, whether or not the licences permit it."""
    return Prepared(params, parts, exclude, gate=False).card(list(LAYOUTS))


class Prepared:
    """A dataset that was surveyed and, unless `gate` is false, may be handed on."""

    def __init__(self, params: Params, parts: Sequence[str], exclude: Iterable[str], gate: bool = True) -> None:
        self.params = params
        self.tree: Tree = open_tree()
        self.parts = chosen_parts(self.tree, parts)
        self.exclude = list(dict.fromkeys([*params.publish.exclude, *exclude]))
        self.hearing = Hearing(self.tree)
        self.survey: Survey = survey(self.tree, self.parts, self.hearing, self.exclude, params.publish.permit)
        if gate:
            check_licences(self.survey.sources)
        named = json.dumps({part: row["sha256"] for part, row in sorted(self.survey.parts().items())})
        self.state = {"commit": _commit(), "dataset": hashlib.sha256(named.encode()).hexdigest()}

    def corpora(self) -> dict[str, CorpusInfo]:
        """Return what the corpora that are heard declare; what is made here (rooms) declares nothing."""
        names = sorted({name.split(":")[0] for name in self.survey.sources})
        found = [(name, root / name) for name in names for root in ROOTS if (root / name / "corpus.json").is_file()]
        return {name: public_info(read_info(directory)) for name, directory in found}

    def card(self, layouts: Sequence[str]) -> str:
        """Return the dataset card."""
        corpora = self.corpora()
        known = list(limits(self.survey, corpora, self.params))
        return card_of(Facts(self.params, self.survey, corpora, known, layouts, self.state))

    def write(self, directory: Path, layouts: Sequence[str], params_path: Path) -> None:
        """Write card, params and every layout below `directory`."""
        (directory / "README.md").write_text(self.card(layouts), encoding="utf-8")
        (directory / "params.yaml").write_text(public_params(read_merged(params_path, Params)), encoding="utf-8")
        for part, tally in self.survey.tallies.items():
            fields = fields_in(self.tree, part)
            items = items_of(self.tree, part, self.hearing, self.exclude)
            for number, batch in enumerate(self._batches(progress(items, f"publish {part}", "clip", tally.cuts))):
                for layout in layouts:
                    LAYOUTS[layout](directory, part, number, batch, fields)

    def _batches(self, items: Iterable[Item]) -> Iterator[list[Item]]:
        limit = self.params.publish.shard_mb * 1e6
        batch: list[Item] = []
        size = 0
        for item in items:
            if batch and (len(batch) == self.params.publish.clips_per_shard or size + item.size > limit):
                yield batch
                batch, size = [], 0
            batch.append(item)
            size += item.size
        if batch:
            yield batch

    def told(self, layouts: Sequence[str]) -> dict[str, Any]:
        """Return what `publish.json` says of the whole."""
        sources = {
            name: {"licences": sorted(source.licences), "clips": source.clips, "heard_in": source.mixed}
            | ({"permission": source.permission} if source.permission is not None else {})
            for name, source in sorted(self.survey.sources.items())
        }
        overrides = {name: info.licence_override for name, info in self.corpora().items() if info.licence_override}
        return {
            "format": FORMAT,
            "made_by": f"kwsdata {__version__}",
            "keyword": self.params.keyword.text,
            **self.state,
            "layouts": list(layouts),
            "parts": self.survey.parts(),
            "sources": sources,
            "strictest": self.survey.strictest,
            **({"licence_overrides": overrides} if overrides else {}),
            "left_out": dict(sorted(self.survey.left_out.items())),
        }


def public_info(info: CorpusInfo) -> CorpusInfo:
    """Return what a corpus declares without the accounts and signatures that its addresses may hold."""
    return replace(info, source=without_credentials(info.source), citation=without_credentials(info.citation))


def check_ours(out: Path) -> None:
    """Raise StageInputError if `out` holds anything that `publish` did not write."""
    if out.exists() and not (out / MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise StageInputError(
            f"{out} is not a dataset that `kwsdata publish` wrote (it has no {MARK}), so it is left as it is: choose "
            "another directory, or empty it."
        )


def _files(directory: Path) -> dict[str, dict[str, Any]]:
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {
        path.relative_to(directory).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in paths
    }


def _commit() -> str | None:
    commit = git(Path(), "rev-parse", "HEAD")
    if not commit:
        return None
    return commit if not git(Path(), "status", "--porcelain", "--", ".") else f"{commit} with changes"
