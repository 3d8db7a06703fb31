"""A Hugging Face hub on loopback, as far as pushing and loading a dataset go: repositories, commits, LFS, downloads.

Paths and fields are those that huggingface_hub 2 uses; the newer Xet protocol for large files is not spoken, so clients
must be told not to (HF_HUB_DISABLE_XET=1).
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_the_test"


class Hub:
    """What the server holds. `commits`: {repository: [{path: bytes}]}, oldest first. `blobs`: LFS objects by hash."""

    def __init__(self) -> None:
        self.commits: dict[str, list[dict[str, bytes]]] = {}
        self.private: dict[str, bool] = {}
        self.blobs: dict[str, bytes] = {}
        self.url = ""
        self.fail_commits = False

    def sha(self, repo: str) -> str:
        """Return the id of the newest commit."""
        return hashlib.sha1(f"{repo} {len(self.commits[repo])}".encode()).hexdigest()

    def files(self, repo: str) -> dict[str, bytes]:
        """Return what the newest commit holds."""
        return self.commits[repo][-1]


@contextmanager
def local_hub() -> Iterator[Hub]:
    """Serve a new, empty hub until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        path, body = unquote(urlsplit(self.path).path), self._body()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._json({"error": "Invalid username or password."}, 401)
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/preupload/main", path):
            return self._preupload(json.loads(body))
        if found := re.fullmatch(r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return self._batch(json.loads(body))
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/commit/main", path):
            return self._commit(found[1], [json.loads(line) for line in body.splitlines()])
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/paths-info/[^/]+", path):
            return self._paths(found[1], json.loads(body)["paths"])
        if path == "/api/validate-yaml":
            return self._json({"warnings": [], "errors": []})
        return self._json({"error": f"no such place: {path}"}, 404)

    def do_PUT(self) -> None:
        body = self._body()
        sha = hashlib.sha256(body).hexdigest()
        if sha != self.path.rsplit("/", 1)[-1]:
            return self._json({"error": "the bytes do not have this hash"}, 422)
        self.hub.blobs[sha] = body
        return self._json({})

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+?)(/revision/[^/]+)?", path):
            return self._info(found[1])
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/tree/[^/]+/?(.*)", path):
            return self._tree(found[1], found[2])
        if found := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            return self._resolve(found[1], found[2])
        return self._json({"error": f"no such place: {path}"}, 404)

    do_HEAD = do_GET

    def _create(self, asked: dict[str, Any]) -> None:
        repo = f"{asked['organization']}/{asked['name']}"
        answer = {"url": f"{self.hub.url}/datasets/{repo}", "name": repo, "id": repo}
        if repo in self.hub.commits:
            return self._json(answer | {"error": "You already created this dataset repo"}, 409)
        self.hub.commits[repo] = [{".gitattributes": b"*.parquet filter=lfs\n"}]
        self.hub.private[repo] = asked.get("visibility") == "private"
        return self._json(answer)

    def _preupload(self, asked: dict[str, Any]) -> None:
        large = (".parquet", ".tar", ".gz")
        modes = [
            {"path": one["path"], "uploadMode": "lfs" if one["path"].endswith(large) else "regular",
             "shouldIgnore": False}
            for one in asked["files"]
        ]  # fmt: skip
        self._json({"files": modes})

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = [
            one | ({} if one["oid"] in self.hub.blobs else
                   {"actions": {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}", "header": {}}}})
            for one in asked["objects"]
        ]  # fmt: skip
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, repo: str, lines: list[dict[str, Any]]) -> None:
        if self.hub.fail_commits:
            return self._json({"error": "the hub is out of order"}, 500)
        files = dict(self.hub.files(repo))
        for line in lines:
            value = line["value"]
            if line["key"] == "header" and value.get("parentCommit", self.hub.sha(repo)) != self.hub.sha(repo):
                return self._json({"error": "A commit has happened since."}, 412)
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            if line["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
            if line["key"] == "deletedFile":
                del files[value["path"]]
        self.hub.commits[repo].append(files)
        sha = self.hub.sha(repo)
        address = f"{self.hub.url}/datasets/{repo}/commit/{sha}"
        return self._json({"success": True, "commitOid": sha, "commitUrl": address})

    def _info(self, repo: str) -> None:
        if repo not in self.hub.commits:
            return self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        siblings = [{"rfilename": path} for path in sorted(self.hub.files(repo))]
        told = {"id": repo, "sha": self.hub.sha(repo), "private": self.hub.private[repo]}
        return self._json(told | {"siblings": siblings, "tags": []})

    def _entry(self, path: str, data: bytes) -> dict[str, Any]:
        return {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}

    def _paths(self, repo: str, paths: list[str]) -> None:
        files = self.hub.files(repo)
        self._json([self._entry(path, files[path]) for path in paths if path in files])

    def _tree(self, repo: str, folder: str) -> None:
        files = self.hub.files(repo)
        recursive = "recursive=true" in self.path.lower()
        inside = {path: data for path, data in sorted(files.items()) if not folder or path.startswith(f"{folder}/")}
        entries: dict[str, dict[str, Any]] = {}
        for path, data in inside.items():
            rest = path.removeprefix(f"{folder}/") if folder else path
            parts = rest.split("/")
            for depth in range(1, len(parts) if recursive else min(len(parts), 2)):
                name = "/".join(filter(None, [folder, *parts[:depth]]))
                entries.setdefault(name, {"type": "directory", "path": name, "size": 0, "oid": "0" * 40})
            if recursive or len(parts) == 1:
                entries[path] = self._entry(path, data)
        if folder and not inside:
            return self._json({"error": "no such folder"}, 404, {"X-Error-Code": "EntryNotFound"})
        return self._json(list(entries.values()))

    def _resolve(self, repo: str, path: str) -> None:
        files = self.hub.commits.get(repo, [{}])[-1]
        if path not in files:
            return self._json({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        data = files[path]
        tag = {"X-Repo-Commit": self.hub.sha(repo), "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}
        return self._send(data, 200, "application/octet-stream", tag)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().strip() or b"0", 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(value).encode(), status, "application/json", headers or {})

    def _send(self, data: bytes, status: int, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
