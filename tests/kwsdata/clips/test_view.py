"""The view of a clip reads what is written, and no other module spells a key of `custom`."""

import ast
import json
from pathlib import Path

import pytest
from imports import PACKAGES, ROOT

from kwsdata.clips.fields import ClipFields, EventFields, StreamSegment
from kwsdata.clips.manifests import cut_from_dict, cut_to_dict, make_cut, make_event, with_fields
from kwsdata.clips.view import ClipView, Fields, row_fields
from kwsdata.errors import StageInputError

# What reads and writes manifests keeps `custom` as a whole; the view alone looks into it.
AT_HOME = {Path("kwsdata/clips") / f"{name}.py" for name in ("fields", "manifests", "view")}
# Written for people who list a corpus; no code asks for them.
UNREAD = {"request", "part", "genres", "vocals", "dimensions", "set", "snr_db", "distance_m", "shard"}


def spelled(tree: ast.AST) -> list[int]:
    """Return the lines that reach into `custom`: the attribute, the key, or fields given as a plain dict."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr) and reaches_in(node)]


def reaches_in(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(attr="custom") | ast.Subscript(slice=ast.Constant("custom")):
            return True
        case ast.Call(args=args, keywords=keywords):
            given = [named.value for named in keywords if named.arg == "custom"]
            return any(is_key(arg) for arg in args) or any(isinstance(value, ast.Dict) for value in given)
        case ast.Dict(keys=keys):
            return any(is_key(key) for key in keys)
    return False


def is_key(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value == "custom"


def test_what_reaches_into_custom_is_found():
    """The five ways that the test below is to find."""
    for line in (
        'cut.custom["label"]',
        'row["custom"]',
        'row.get("custom")',
        'make_cut("a", 1, custom={"label": "speech"})',
        'row | {"custom": {}}',
    ):
        assert spelled(ast.parse(line)) == [1], line
    assert not spelled(ast.parse("make_cut('a', 1, custom=ClipFields(label='speech')); ClipView(cut).label"))


def test_no_other_module_spells_a_key_of_custom():
    paths = [path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    found = {path: lines for path in paths if (lines := spelled(ast.parse((ROOT / path).read_text())))}
    assert found.keys() == AT_HOME, f"read it through kwsdata.clips.view: {found}"


def test_each_field_that_is_written_has_a_property_with_a_docstring():
    for name in ClipFields.__annotations__.keys() - UNREAD:
        assert isinstance(getattr(Fields, name), property), name
        assert getattr(Fields, name).__doc__, name
    assert not {name for name in UNREAD if hasattr(Fields, name)}


def test_the_view_reads_what_was_written_in_a_manifest_and_in_its_row():
    fields = ClipFields(corpus="crowd", label="speech", audio_sha256="ab", recipe={"copy": 3}, sources=[["a", "b"]])
    cut = make_cut("c1", 32_000, text="hello", speaker="crowd:ann", span=(1600, 8000), custom=fields)
    row = json.loads(json.dumps(cut_to_dict(cut)))
    for clip in (ClipView(cut), ClipView(cut_from_dict(row)), row_fields(row)):
        assert (clip.id, clip.corpus, clip.label, clip.copy, clip.who) == ("c1", "crowd", "speech", 3, "crowd:ann")
        assert (clip.person, clip.synthetic, clip.sources) == (None, False, [["a", "b"]])
    clip = ClipView(cut)
    assert (clip.text, clip.span, clip.span_s, clip.duration_s) == ("hello", (1600, 8000), (0.1, 0.5), 2.0)


def test_a_field_that_is_missing_is_named_with_its_clip_and_what_to_do():
    with pytest.raises(StageInputError, match=r"c1 has no custom\['label'\]: remake it with `dvc repro`"):
        _ = ClipView(make_cut("c1", 10)).label
    with pytest.raises(StageInputError, match="c1 has no custom.'shard'.: read it through"):
        _ = ClipView(make_cut("c1", 10)).place
    assert ClipView(make_cut("c1", 10)).label_if_any is None


def test_fields_are_written_in_the_order_given_and_none_takes_one_away():
    cut = with_fields(make_cut("c1", 10, custom=ClipFields(role="speech", corpus="a")), label="noise", corpus="b")
    assert list(ClipView(cut).without().items()) == [("role", "speech"), ("corpus", "b"), ("label", "noise")]
    assert list(ClipView(with_fields(cut, synthetic=None, person=None)).without()) == ["role", "corpus", "label"]
    assert "role" not in ClipView(with_fields(cut, licence=None)).without(("role",))


def test_a_stream_tells_what_sounds_when_and_where_its_keywords_are():
    segment = StreamSegment(0.0, 2.0, "n1", "noise", "hiss")
    cut = make_cut("s", 32_000, custom=ClipFields(segments=[segment], snr_db=5.0))
    cut.supervisions = [make_event("s-event0000", "s", (1600, 8000), "computer", "ann", EventFields(source="c1"))]
    clip = ClipView(cut_from_dict(json.loads(json.dumps(cut_to_dict(cut)))))
    (event,) = clip.events
    assert clip.is_stream and clip.segments == [segment] and clip.conditions == {"snr_db": 5.0}
    assert (event.is_keyword, event.span_s, event.source, event.recipe) == (True, (0.1, 0.5), "c1", {})
