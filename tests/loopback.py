"""Servers on loopback: nothing that a test fetches comes from elsewhere."""

import hashlib
import json
import random
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONTENT = bytes(random.Random(0).randbytes(3_000_000))


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], **state) -> Iterator[ThreadingHTTPServer]:
    """Serve with `handler` while the block runs; the server has `state` as attributes, `address` and `requests`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.address, server.requests = f"http://127.0.0.1:{server.server_port}", []
        for name, value in state.items():
            setattr(server, name, value)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


class Files(BaseHTTPRequestHandler):
    """Serves `contents` (path to bytes). `script` says what is special about the answers to come, one entry each.

    cut: the body ends after so many bytes. status, headers: an answer without a body. becomes: from now on the file
    has this content. `ranges` is False for a server that knows none, "always" for one that overlooks If-Range;
    `versions` are the headers that name a file's version.
    """

    def do_GET(self):
        server = self.server
        asked = {name: self.headers.get(name) for name in ("Range", "If-Range")}
        server.requests.append((self.path, *asked.values()))
        special = server.script.pop(0) if server.script else {}
        if "becomes" in special:
            server.contents[self.path] = special["becomes"]
        if "status" in special or self.path not in server.contents:
            return self.head(special.get("status", 404), {"Content-Length": "0", **special.get("headers", {})})
        content = server.contents[self.path]
        versions = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"'} if server.versions is None else server.versions
        start, status = 0, 200
        if asked["Range"] and (server.ranges == "always" or (server.ranges and asked["If-Range"] in versions.values())):
            start, status = int(asked["Range"].removeprefix("bytes=").rstrip("-")), 206
            if start >= len(content):
                return self.head(416, {"Content-Length": "0"})
            versions |= {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        self.head(status, {"Content-Length": str(len(content) - start), **versions})
        self.wfile.write(content[start:][: special.get("cut")])

    def head(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def serving_files(contents: dict[str, bytes]) -> AbstractContextManager[ThreadingHTTPServer]:
    """Serve these contents with `Files`, at first without anything special."""
    return serving(Files, contents=contents, script=[], ranges=True, versions=None)


class Hub(BaseHTTPRequestHandler):
    """A minimal hub of one repository, with one commit.

    Of the server: `repository` (me/tiny if not given), `contents` (name to bytes), `published` (name to the checksum
    that the hub states), `broken` (names that are listed and not there). `requests` collects (method, path).
    """

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def do_POST(self):  # paths-info: what is known about some files
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["paths"]
        self.reply(json.dumps([self.file(name) for name in asked if name in self.server.contents]).encode())

    def answer(self):
        server = self.server
        server.requests.append((self.command, self.path))
        path = self.path.split("?")[0].replace("%2F", "/")
        name = getattr(server, "repository", "me/tiny")
        file = path.partition(f"{name}/resolve/{COMMIT}/")[2]
        revisions = ("main", COMMIT, "refs/convert/parquet")
        if path.endswith(tuple(f"/{name}/revision/{revision}" for revision in revisions)):
            self.reply(json.dumps({"id": name, "sha": COMMIT, "siblings": self.siblings()}).encode())
        elif f"/{name}/tree/{COMMIT}" in path:
            self.reply(json.dumps(self.tree(path.partition(f"/tree/{COMMIT}")[2].strip("/"))).encode())
        elif file in server.contents and file not in server.broken:
            content = server.contents[file]
            self.reply(content, {"ETag": f'"{hashlib.sha1(content).hexdigest()}"'})
        else:
            self.reply(b"", {"X-Error-Code": "EntryNotFound"} if file else {}, status=404)

    def siblings(self):
        found = [{"rfilename": name} for name in self.server.contents]
        for file in found:
            if file["rfilename"] in self.server.published:
                lfs = {"sha256": self.server.published[file["rfilename"]], "size": 1, "pointerSize": 1}
                file |= {"lfs": lfs, "size": 1}
        return found

    def tree(self, folder):
        """What lies in a folder, and below it where that is asked for."""
        files = {PurePosixPath(name) for name in self.server.contents}
        paths = {path for file in files for path in (file, *file.parents) if PurePosixPath(folder) in path.parents}
        if "recursive=true" not in self.path:
            paths = {path for path in paths if path.parent == PurePosixPath(folder)}
        folders = [{"type": "directory", "path": str(path), "oid": "0" * 40} for path in sorted(paths - files)]
        return folders + [self.file(str(path)) for path in sorted(paths & files)]

    def file(self, name):
        return {"type": "file", "path": name, "size": len(self.server.contents[name]), "oid": "0" * 40}

    def reply(self, content, headers=(), status=200):
        self.send_response(status)
        for key, value in {"X-Repo-Commit": COMMIT, "Content-Length": str(len(content)), **dict(headers)}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments):
        pass
