"""Lhotse manifests and Shar directories of any origin: nothing runs, is fetched or read that was not allowed."""

import copy
import gzip
import io
import json
import os
import tarfile
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import soundfile
from corpus_trees import put_tone
from damage import TAR_DAMAGE, damaged, damaged_tar
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lhotse import Recording, SupervisionSegment
from sound import tone, white_noise

from kwsdata.clips.manifests import make_cut, recording_to_dict, write_cuts
from kwsdata.errors import AudioError, CorpusError
from kwsdata.importers import importer_for
from kwsdata.importers.declaration import Options
from kwsdata.importers.source import Source


@pytest.fixture
def folder(tmp_path) -> Path:
    """A manifest's folder with one sound, and one outside of it."""
    put_tone(tmp_path / "corpus/a.wav", 0)
    put_tone(tmp_path / "secret.wav", 1)
    return tmp_path / "corpus"


def recording(folder: Path, name: str = "a", **source) -> dict:
    row = Recording.from_file(folder / "a.wav", recording_id=name).to_dict()
    row["sources"][0] |= {"source": "a.wav"} | source
    return row


def mono(folder: Path, name: str = "a", **source) -> dict:
    row = recording(folder, name, **source)
    told = SupervisionSegment(f"{name}-0", name, 0.0, 0.3, text="hi").to_dict()
    return {"id": name, "start": 0.0, "duration": 0.6, "channel": 0, "recording": row, "supervisions": [told],
            "type": "MonoCut"}  # fmt: skip


def multi(folder: Path, **source) -> dict:
    return mono(folder, **source) | {"channel": [0], "type": "MultiCut"}


def mixed(folder: Path, **source) -> dict:
    def track(cut: dict, offset: float) -> dict:
        kind = cut.pop("type")
        return {"cut": cut, "type": kind, "offset": offset}

    return {"id": "a", "tracks": [track(mono(folder), 0.0), track(mono(folder, **source), 0.2)], "type": "MixedCut"}


def in_a_room(folder: Path, **source) -> dict:
    row = mono(folder)
    room = recording(folder, "room", **source)
    row["recording"]["transforms"] = [{"name": "ReverbWithImpulseResponse", "kwargs": {"rir": room}}]
    return row


def in_custom(folder: Path, **source) -> dict:
    return mono(folder) | {"custom": {"target": recording(folder, "t", **source)}}


SHAPES = {"recording": recording, "mono": mono, "multi": multi, "mixed": mixed, "room": in_a_room, "custom": in_custom}


def written(folder: Path, *rows: object, name: str = "cuts.jsonl.gz") -> Path:
    path = folder / name
    text = "".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "source",
    [
        {"type": "command", "source": "touch {ran}; cat {sound}"},
        {"type": "file", "source": "pipe:touch {ran}; cat {sound}"},
        {"type": "url", "source": "pipe:touch {ran}; cat {sound}"},
        {"type": "file", "source": "touch {ran}; cat {sound} |"},
        {"type": "file", "source": " | touch {ran} "},
    ],
    ids=str,
)
def test_a_command_is_refused_wherever_it_stands(importing, folder, tmp_path, shape, source):
    source = {key: value.format(ran=tmp_path / "RAN", sound=folder / "a.wav") for key, value in source.items()}
    manifest = written(folder, mono(folder, "first"), SHAPES[shape](folder, **source))
    asked = {"role": "speech", "allow_urls": True, "allow_outside": True}
    with pytest.raises(CorpusError, match=r"cuts.jsonl.gz:2: the sound of 'a' is the command .*give --allow-commands"):
        importing("lhotse", manifest, **asked)
    assert not (tmp_path / "RAN").exists()


def test_a_command_runs_where_that_is_allowed(importing, folder, tmp_path):
    command = f"touch {tmp_path}/RAN; cat {folder}/a.wav"
    manifest = written(folder, mono(folder, type="command", source=command))
    assert importing("lhotse", manifest, role="speech", allow_commands=True)["clips"] == 1
    assert (tmp_path / "RAN").exists()


@pytest.mark.parametrize("name", ["x;touch RAN;.sph", "$(touch RAN).sph", "`touch RAN`.opus", "x';touch RAN;'.opus"])
def test_the_name_of_a_file_reaches_no_shell(importing, folder, monkeypatch, name):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LHOTSE_LEGACY_OPUS_LOADING", "1")
    importing.limits = importing.limits.model_copy(update={"max_reject_fraction": 0.9})
    manifest = written(folder, mono(folder), mono(folder, "b", source=name))
    assert importing("lhotse", manifest, role="speech")["clips"] == 1
    (folder / name).write_bytes((folder / "a.wav").read_bytes())
    importing("lhotse", manifest, role="speech")
    assert not (folder / "RAN").exists()


@pytest.fixture
def server():
    """A server on this machine and what it was asked for."""
    asked: list[str] = []
    data = io.BytesIO()
    soundfile.write(data, white_noise(0, 0.6), 16_000, format="WAV")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(data.getvalue())

        def do_HEAD(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(data.getvalue())))
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["url", "file"])
def test_a_url_is_not_asked_for(importing, folder, server, shape, kind):
    base, asked = server
    manifest = written(folder, SHAPES[shape](folder, type=kind, source=f"{base}/latest/meta-data.wav"))
    with pytest.raises(CorpusError, match=r"cuts.jsonl.gz:1: the sound of 'a' lies at 'http.*give --allow-urls"):
        importing("lhotse", manifest, role="speech", allow_commands=True, allow_outside=True)
    assert asked == []


@pytest.mark.parametrize(
    "url", ["FTP://x/a.wav", "s3://b/a.wav", "file:///etc/passwd", "ais://b/a", "msc://p/a", "memory://a"]
)
def test_any_scheme_is_a_url(importing, folder, url):
    with pytest.raises(CorpusError, match="give --allow-urls"):
        importing("lhotse", written(folder, mono(folder, source=url)), role="speech", allow_outside=True)


def test_a_url_is_fetched_where_that_is_allowed(importing, folder, server, project):
    base, asked = server
    manifest = written(folder, mono(folder, type="url", source=f"{base}/a.wav"), mono(folder, "b"))
    assert importing("lhotse", manifest, role="speech", allow_urls=True)["clips"] == 2
    assert "/a.wav" in asked


def test_a_url_that_fails_is_a_reject(importing, folder, project):
    manifest = written(folder, mono(folder, type="url", source="http://127.0.0.1:9/a.wav"), mono(folder, "b"))
    assert importing("lhotse", manifest, role="speech", allow_urls=True)["clips"] == 1
    assert importing.rejects()["a"].startswith("cannot be read (http://127.0.0.1:9/a.wav cannot be read")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "name", ["{secret}", "../secret.wav", "linked.wav", "linked/secret.wav", "{folder}/../secret.wav"]
)
def test_a_file_outside_the_manifests_folder_needs_consent(importing, folder, tmp_path, shape, name):
    (folder / "linked.wav").symlink_to("../secret.wav")
    (folder / "linked").symlink_to("..", target_is_directory=True)
    name = name.format(secret=tmp_path / "secret.wav", folder=folder)
    manifest = written(folder, SHAPES[shape](folder, source=name))
    with pytest.raises(CorpusError, match=r"outside the manifest's folder. .*give --allow-outside"):
        importing("lhotse", manifest, role="speech", allow_commands=True, allow_urls=True)


@pytest.mark.parametrize("name", ["{secret}", "../secret.wav", "linked.wav"])
def test_a_file_outside_is_read_where_that_is_allowed(importing, folder, tmp_path, monkeypatch, name):
    monkeypatch.chdir(folder)
    (folder / "linked.wav").symlink_to("../secret.wav")
    manifest = written(folder, mono(folder, source=name.format(secret=tmp_path / "secret.wav")))
    assert importing("lhotse", manifest, role="speech", allow_outside=True)["clips"] == 1


def test_a_file_of_the_current_directory_needs_consent(importing, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manifest = written(folder, mono(folder, source="secret.wav"))
    with pytest.raises(CorpusError, match="is 'secret.wav', outside the manifest's folder"):
        importing("lhotse", manifest, role="speech")
    assert importing("lhotse", manifest, role="speech", allow_outside=True)["clips"] == 1


@pytest.mark.parametrize("name", ["a.wav", "./a.wav", "{folder}/a.wav", "{folder}/./a.wav", "{linked}/a.wav"])
def test_a_file_below_the_manifest_needs_none(importing, folder, tmp_path, name):
    (tmp_path / "linked").symlink_to(folder, target_is_directory=True)
    manifest = written(folder, mono(folder, source=name.format(folder=folder, linked=tmp_path / "linked")))
    path = tmp_path / "linked" / manifest.name if "linked" in name else manifest
    assert importing("lhotse", path, role="speech")["clips"] == 1


def test_a_named_pipe_is_a_reject(importing, folder):
    os.mkfifo(folder / "pipe.wav")
    importing("lhotse", written(folder, mono(folder), mono(folder, "b", source="pipe.wav")), role="speech")
    assert "named pipe" in importing.rejects()["cuts.jsonl.gz:2"]


def changed(row: dict, way: str, value: object) -> dict:
    row = copy.deepcopy(row)
    *path, last = [int(key) if key.isdecimal() else key for key in way.split(".")]
    at = row
    for key in path:
        at = at[key]
    at[last] = value
    return row


@pytest.mark.parametrize(
    ("way", "value"),
    [
        ("id", None),
        ("id", 7),
        ("type", "Nonsense"),
        ("type", ["MonoCut"]),
        ("type", "MixedCut"),
        ("start", "now"),
        ("start", -1),
        ("duration", float("nan")),
        ("duration", 1e400),
        ("duration", None),
        ("recording", []),
        ("recording", "a.wav"),
        ("recording.sources", []),
        ("recording.sources", {"type": "file"}),
        ("recording.sources", [7]),
        ("recording.sources.0.type", "memory"),
        ("recording.sources.0.type", "shar"),
        ("recording.sources.0.type", None),
        ("recording.sources.0.type", "pickle"),
        ("recording.sources.0.source", None),
        ("recording.sources.0.source", 7),
        ("recording.sources.0.source", ""),
        ("recording.sources.0.source", "a\0.wav"),
        ("recording.sources.0.source", {"a": 1}),
        ("recording.sources.0.channels", None),
        ("recording.sources.0.channels", ["left"]),
        ("recording.sampling_rate", 0),
        ("recording.sampling_rate", "fast"),
        ("recording.sampling_rate", 10**12),
        ("recording.num_samples", -5),
        ("recording.num_samples", True),
        ("recording.transforms", [{"name": "NoSuchTransform"}]),
        ("recording.transforms", {"a": 1}),
        ("recording.nothing", 1),
        ("channel", None),
        ("channel", "left"),
        ("channel", [0.5]),
        ("supervisions.0.channel", None),
        ("supervisions.0.channel", ["left"]),
        ("supervisions.0.channel", {"a": 1}),
        ("supervisions", 7),
        ("supervisions", [None]),
        ("supervisions.0.text", 7),
        ("supervisions.0.speaker", ["ann"]),
        ("supervisions.0.start", None),
        ("supervisions.0.duration", float("inf")),
        ("custom", 7),
        ("unknown", 1),
    ],
    ids=str,
)
def test_a_malformed_row_is_a_reject_and_the_rest_is_read(importing, folder, way, value):
    manifest = written(folder, mono(folder, "good"), changed(mono(folder, "bad"), way, value))
    assert importing("lhotse", manifest, role="speech")["clips"] == 1
    (place, reason), *_ = importing.rejects().items()
    assert place == "cuts.jsonl.gz:2"
    assert reason.startswith(("malformed (", "no sound file ("))
    assert len(reason) < 250 and "Traceback" not in reason


@pytest.mark.parametrize(
    "line",
    ["{not json\n", "[" * 100_000 + "\n", "[1]\n", "7\n", '"a"\n', "null\n", '{"id": "a", "id": "b"}\n', "\x00\n"],
    ids=lambda line: line[:12],
)
def test_a_line_that_is_no_row_is_a_reject(importing, folder, line):
    assert importing("lhotse", written(folder, mono(folder), line), role="speech")["clips"] == 1
    assert importing.rejects()["cuts.jsonl.gz:2"].startswith("malformed (")


def test_which_of_two_sources_counts_is_no_question(importing, folder):
    """Readers of JSON take the first or the last of two keys; the one that is judged must be the one that is used."""
    row = json.dumps(mono(folder)).replace('"type": "file"', '"type": "file", "type": "command"')
    importing("lhotse", written(folder, mono(folder, "b"), row + "\n"), role="speech")
    assert "the key 'type' occurs twice" in importing.rejects()["cuts.jsonl.gz:2"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("cuts.jsonl", b"\xff\xfe{\x00}\x00", "is not a manifest that Lhotse reads"),
        ("cuts.jsonl", b"hello\n" * 3000, "is not a manifest that Lhotse reads"),
        ("cuts.jsonl.gz", b"no gzip", "cannot be read after cuts.jsonl.gz .*Not a gzipped file"),
        ("cuts.jsonl.gz", gzip.compress(b'{"id": 1}\n' * 9999, mtime=0)[:-30], "cannot be read after cuts.jsonl.gz"),
        ("cuts.jsonl", b'{"a": "' + b"x" * (17 << 20), "longer than 16 MiB"),
        ("cuts.json", b"[" * 100_000, "nested more than 64 deep"),
        ("cuts.json", b'{"id": 1}', "no list of rows"),
        ("cuts.yaml", b"- id: a\n", "write it as one with `lhotse copy`"),
        ("cuts.pkl", b"cos\nsystem\n(S'touch RAN'\ntR.", "write it as one with `lhotse copy`"),
        ("cuts", b"{}", "write it as one with `lhotse copy`"),
        ("cuts.jsonl", b'{"num_features": 1, "storage_path": "/etc"}\n', "is not a manifest|sounds rejected"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_is_no_manifest_is_one_clear_error(importing, folder, name, data, message):
    (folder / name).write_bytes(data)
    with pytest.raises(CorpusError, match=message):
        importing("lhotse", folder / name, role="speech")


def test_recordings_with_supervisions_beside_them(importing, folder, caplog):
    said = [
        SupervisionSegment("s1", "a", 0.0, 0.3, text="hi").to_dict(),
        SupervisionSegment("s1", "a", 0.3, 0.3, text="again").to_dict(),
        SupervisionSegment("s2", "lost", 0.0, 0.3).to_dict(),
        SupervisionSegment("s3", "a", 0.0, 0.3, text="ho").to_dict() | {"text": 7},
    ]
    rows = [recording(folder), recording(folder), recording(folder, "b", source="/etc/passwd")]
    written(folder, *said, name="supervisions.jsonl")
    with pytest.raises(CorpusError, match="give --allow-outside"):
        importing("lhotse", written(folder, *rows, name="recordings.jsonl"), role="speech")
    importing.limits = importing.limits.model_copy(update={"max_reject_fraction": 0.9})
    importing("lhotse", written(folder, *rows[:2], name="recordings.jsonl"), role="speech")
    assert {key: reason.split(" (")[0] for key, reason in importing.rejects().items()} == {
        "recordings.jsonl:2": "listed twice",
        "supervisions.jsonl:2": "listed twice",
        "supervisions.jsonl:4": "malformed",
    }
    assert [cut.supervisions[0].text for cut in importing.cuts().values()] == ["hi"]
    assert "1 supervisions of supervisions.jsonl are of recordings that recordings.jsonl does not hold" in caplog.text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_fuzzed_row_is_read_or_refused(folder, data):
    shape = data.draw(st.sampled_from([mono, multi, mixed, in_a_room]))
    manifest = written(folder, data.draw(damaged(shape(folder))))
    with suppress(CorpusError):
        for source in importer_for("lhotse").read(manifest, Options("speech")):
            if isinstance(source, Source):
                with suppress(AudioError), source.sound.open() as sound:
                    sound.read()


FLAC = io.BytesIO()
soundfile.write(FLAC, tone(seconds=1.0), 16_000, format="FLAC")
RECORDING = recording_to_dict(make_cut("a", 16_000).recording)


def member(tar: tarfile.TarFile, name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, link
    tar.addfile(info, io.BytesIO(data))


def shar(folder: Path, *members: tuple, cuts: list | None = None) -> Path:
    """Write a Shar of two cuts, `good` and `a`, of which the tar holds `good` and `members`."""
    write_cuts(folder / "cuts.000000.jsonl.gz", cuts or [make_cut("good", 16_000, text="x"), make_cut("a", 16_000)])
    with tarfile.open(folder / "recording.000000.tar", "w") as tar:
        sound = io.BytesIO()
        soundfile.write(sound, white_noise(), 16_000, format="FLAC")
        member(tar, "good.flac", sound.getvalue())
        member(tar, "good.json", json.dumps(RECORDING | {"id": "good"}).encode())
        for each in members:
            member(tar, *each)
    return folder


SOUND = ("a.flac", FLAC.getvalue())


def told(**fields: object) -> bytes:
    return json.dumps(RECORDING | fields).encode()


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([SOUND], "lacks the .json"),
        ([("a.json", told())], "missing (recording.000000.tar does not hold it)"),
        ([SOUND, ("a.json", b"", tarfile.DIRTYPE)], "a.json is no file"),
        ([SOUND, ("a.json", b"", tarfile.SYMTYPE, "zzz")], "a.json is no file"),
        ([SOUND, ("a.json", b"", tarfile.LNKTYPE, "a.flac")], "a.json is no file"),
        ([SOUND, ("a.json", b"", tarfile.FIFOTYPE)], "a.json is no file"),
        ([("a.flac", b"", tarfile.SYMTYPE, "/etc/passwd"), ("a.json", told())], "missing"),
        ([SOUND, ("a.json", b"")], "a.json: Expecting value"),
        ([SOUND, ("a.json", b"[]")], "a.json is no recording"),
        ([SOUND, ("a.json", b"{}")], "a.json is no recording"),
        ([SOUND, ("a.json", b"7")], "a.json is no recording"),
        ([SOUND, ("a.json", b"[" * 100_000)], "nested more than 64 deep"),
        ([SOUND, ("a.json", b"\xff\xfe")], "is not UTF-8"),
        ([SOUND, ("a.json", b" " * (17 << 20))], "is no file of at most 16 MiB"),
        ([SOUND, ("a.json", told(sources=[]))], "a.json"),
        ([SOUND, ("a.json", told(sources=RECORDING["sources"] * 2))], "is no recording of one source"),
        ([SOUND, ("a.json", told(sampling_rate="fast"))], "malformed"),
        ([SOUND, ("a.json", told(num_samples=None))], "malformed"),
        ([("../../a.flac", FLAC.getvalue()), ("../../a.json", told())], "missing"),
        ([("a.flac", b"no sound"), ("a.json", told())], "cannot be decoded"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str) else None,
)
def test_a_member_of_a_shar_that_is_not_in_order_is_a_reject(importing, tmp_path, members, reason):
    assert importing("lhotse", shar(tmp_path, *members), role="speech")["clips"] == 1
    assert reason in importing.rejects()["a"]


@pytest.mark.parametrize(
    "second",
    [
        {"type": "command", "source": "touch {ran}"},
        {"type": "url", "source": "http://127.0.0.1:9/"},
        {"type": "file", "source": "/etc/passwd"},
    ],
    ids=lambda source: source["type"],
)
def test_the_json_of_a_shar_runs_and_reads_nothing(importing, tmp_path, second):
    second = second | {"channels": [1], "source": second["source"].format(ran=tmp_path / "RAN")}
    room = {"name": "ReverbWithImpulseResponse", "kwargs": {"rir": RECORDING | {"sources": [second]}}}
    for fields in ({"sources": [*RECORDING["sources"], second]}, {"transforms": [room]}):
        with pytest.raises(CorpusError, match="give --allow-"):
            importing("lhotse", shar(tmp_path, SOUND, ("a.json", told(**fields))), role="speech")
    cut = make_cut("a", 16_000)
    cut.recording = Recording.from_dict(json.loads(told(sources=[second])))
    with pytest.raises(CorpusError, match="give --allow-"):
        importing("lhotse", shar(tmp_path, SOUND, ("a.json", told()), cuts=[cut]), role="speech")
    assert not (tmp_path / "RAN").exists()


@pytest.mark.parametrize("way", [*TAR_DAMAGE, "cut short", "garbage", "empty"])
def test_a_damaged_tar_is_one_clear_error(importing, tmp_path, way):
    shar(tmp_path, SOUND, ("a.json", told()))
    tar = tmp_path / "recording.000000.tar"
    whole = tar.read_bytes()
    others = {"cut short": whole[:-15_000], "garbage": b"x" * 5000, "empty": b""}
    tar.write_bytes(others[way] if way in others else damaged_tar(whole, b"a.flac", way))
    with pytest.raises(CorpusError, match="recording.000000.tar is damaged .*fetch it again"):
        importing("lhotse", tmp_path, role="speech")
