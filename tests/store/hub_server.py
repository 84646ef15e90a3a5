"""A small HTTP server for the tests of the store: plain files, and a hub that speaks the protocol of huggingface.co.

    hub_server.py FOLDER      prints "HUB_PORT CDN_PORT" and serves until it is ended

FOLDER/files/NAME                served at /files/NAME, with ETag, Range and If-Range
FOLDER/hub/OWNER/REPO/PATH       a repository; FOLDER/hub/OWNER/REPO.json: {"commit", "card", "token", "code",
                                 "page_size", "wrong_size"}
FOLDER/behaviour.json            what goes wrong: a list of {"path": prefix, "times": n, ...}, read at every request:
    {"status": 503, "headers": {}}   answers so
    {"drop_after": n}                closes the connection after n bytes of the body
    {"delay": s}                     waits after every 16 KiB of the body
    {"corrupt": true}                flips the last byte
    {"no_ranges": true} {"no_etag": true} {"no_length": true}
    {"redirect": url}
FOLDER/requests.log              a line of JSON for every request
/idle                            answers when no other request is under way

Large files (.gguf, .safetensors) are kept as the hub keeps LFS files: the resolve address redirects to the other
port with a signed query, and X-Linked-ETag is the SHA-256. The others go by way of a relative redirect, and their
ETag is git's.
"""

import hashlib
import http.server
import json
import os
import socketserver
import sys
import threading
import time
import urllib.parse

FOLDER = sys.argv[1]
SIGNATURE = "X-Amz-Signature=secret-signature"
lock = threading.Condition()
used = {}
under_way = 0


def git_oid(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_large(path):
    return path.endswith((".gguf", ".safetensors"))


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def rules(self, path):
        """The merged rules that hold for this request; a rule with `times` is used up."""
        merged = {}
        try:
            rules = json.loads(read(os.path.join(FOLDER, "behaviour.json")))
        except FileNotFoundError:
            return merged
        for rule in rules:
            if not path.startswith(rule["path"]):
                continue
            if "range" in rule and rule["range"] != self.headers.get("Range"):
                continue
            if "times" in rule:
                key = json.dumps(rule, sort_keys=True)
                with lock:
                    if used.get(key, 0) >= rule["times"]:
                        continue
                    used[key] = used.get(key, 0) + 1
            merged.update(rule)
        return merged

    def record(self, status, sent):
        line = {"server": self.server.role, "path": self.path, "range": self.headers.get("Range"),
                "if_range": self.headers.get("If-Range"), "authorization": self.headers.get("Authorization"),
                "status": status, "sent": sent}
        with lock, open(os.path.join(FOLDER, "requests.log"), "a") as log:
            log.write(json.dumps(line) + "\n")

    def answer(self, status, body=b"", headers=None, rules=None):
        rules = rules or {}
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if rules.get("no_length"):
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        limit = rules.get("drop_after", len(body))
        sent = 0
        try:
            while sent < min(limit, len(body)):
                step = body[sent:min(limit, sent + 16384)]
                self.wfile.write(step)
                sent += len(step)
                if "delay" in rules:
                    time.sleep(rules["delay"])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        self.record(status, sent)
        if limit < len(body):
            self.close_connection = True

    def serve_bytes(self, data, etag, rules, headers=None):
        headers = dict(headers or {})
        if rules.get("corrupt"):
            data = data[:-1] + bytes([data[-1] ^ 1])
        if not rules.get("no_etag"):
            headers["ETag"] = f'"{etag}"'
        wanted = self.headers.get("Range")
        if_range = self.headers.get("If-Range")
        if wanted is None or rules.get("no_ranges") or (if_range is not None and if_range != headers.get("ETag")):
            return self.answer(200, data, headers, rules)
        first, last = wanted.removeprefix("bytes=").split("-")
        begin, end = int(first), min(int(last) + 1 if last else len(data), len(data))
        if begin >= len(data):
            headers["Content-Range"] = f"bytes */{len(data)}"
            return self.answer(416, b"", headers, rules)
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(data)}"
        self.answer(206, data[begin:end], headers, rules)

    def do_GET(self):
        global under_way
        if self.path == "/idle":
            with lock:
                lock.wait_for(lambda: under_way == 0)
            return self.answer(200, b"")
        with lock:
            under_way += 1
        try:
            self.serve()
        finally:
            with lock:
                under_way -= 1
                lock.notify_all()

    def serve(self):
        parsed = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(parsed.path)
        rules = self.rules(path)
        if "status" in rules:
            return self.answer(rules["status"], b"trouble", rules.get("headers"))
        if "redirect" in rules:
            return self.answer(302, b"elsewhere", {"Location": rules["redirect"]})
        parts = path.strip("/").split("/")
        if parts[0] == "files":
            return self.file(path, rules)
        if parts[0] == "cdn":
            if parsed.query != SIGNATURE:
                return self.answer(403, b"not signed")
            data = read(os.path.join(FOLDER, "hub", *parts[1:]))
            return self.serve_bytes(data, "cdn-" + hashlib.md5(data).hexdigest(), rules)
        if parts[:3] == ["api", "resolve-cache", "models"]:
            data = read(os.path.join(FOLDER, "hub", parts[3], parts[4], *parts[6:]))
            return self.serve_bytes(data, git_oid(data), rules)
        if parts[:2] == ["api", "models"]:
            return self.api(parts[2], parts[3], parts[4], parts[5:], parsed.query)
        if len(parts) >= 5 and parts[2] == "resolve":
            return self.resolve(parts[0], parts[1], parts[3], "/".join(parts[4:]))
        self.answer(404, b"no such thing")

    def file(self, path, rules):
        try:
            data = read(FOLDER + path)
        except FileNotFoundError:
            return self.answer(404, b"no such file")
        self.serve_bytes(data, hashlib.md5(data).hexdigest(), rules)

    def repository(self, owner, name):
        """The repository's settings; None where this request may not see it (the refusal is sent)."""
        try:
            settings = json.loads(read(os.path.join(FOLDER, "hub", owner, name + ".json")))
        except FileNotFoundError:
            self.answer(401, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
            return None
        token = settings.get("token")
        if token and self.headers.get("Authorization") != f"Bearer {token}":
            self.answer(401, b"", {"X-Error-Code": settings.get("code", "RepoNotFound"),
                                   "X-Error-Message": f"Access to model {owner}/{name} is restricted"})
            return None
        return settings

    def api(self, owner, name, verb, rest, query):
        settings = self.repository(owner, name)
        if settings is None:
            return
        commit = settings["commit"]
        if verb == "revision":
            if "/".join(rest) not in ("main", "refs/pr/1", commit):
                return self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
            body = {"id": f"{owner}/{name}", "sha": commit, "gated": False, "cardData": settings.get("card", {})}
            return self.answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})
        if verb != "tree" or rest != [commit]:
            return self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        root = os.path.join(FOLDER, "hub", owner, name)
        entries = []
        for folder, folders, files in sorted(os.walk(root)):
            relative = os.path.relpath(folder, root)
            for file in sorted(files):
                path = file if relative == "." else f"{relative}/{file}"
                data = read(os.path.join(folder, file))
                entry = {"type": "file", "path": path, "size": len(data), "oid": git_oid(data)}
                if is_large(path):
                    size = len(data) + settings.get("wrong_size", 0)
                    entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": size, "pointerSize": 135}
                    entry["size"] = size
                entries.append(entry)
            entries += [{"type": "directory", "path": f, "size": 0, "oid": "0" * 40} for f in sorted(folders)]
        page_size = settings.get("page_size", 1000)
        cursor = int(urllib.parse.parse_qs(query).get("cursor", ["0"])[0])
        headers = {"Content-Type": "application/json"}
        if cursor + page_size < len(entries):
            address = f"http://127.0.0.1:{self.server.server_address[1]}/api/models/{owner}/{name}/tree/{commit}"
            headers["Link"] = f'<{address}?recursive=true&cursor={cursor + page_size}>; rel="next"'
        self.answer(200, json.dumps(entries[cursor:cursor + page_size]).encode(), headers)

    def resolve(self, owner, name, commit, path):
        settings = self.repository(owner, name)
        if settings is None:
            return
        file = os.path.join(FOLDER, "hub", owner, name, path)
        if commit != settings["commit"] or not os.path.isfile(file):
            return self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        data = read(file)
        headers = {"X-Repo-Commit": commit}
        if is_large(path):
            headers["X-Linked-ETag"] = f'"{hashlib.sha256(data).hexdigest()}"'
            headers["X-Linked-Size"] = str(len(data))
            headers["Location"] = f"http://127.0.0.1:{cdn_port}/cdn/{owner}/{name}/{path}?{SIGNATURE}"
            return self.answer(302, b"Found", headers)
        headers["Location"] = f"/api/resolve-cache/models/{owner}/{name}/{commit}/{path}"
        self.answer(307, b"Temporary Redirect", headers)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that goes away is part of the tests
            super().handle_error(request, address)


def start(role):
    server = Server(("127.0.0.1", 0), Handler)
    server.role = role
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


cdn_port = start("cdn")
hub_port = start("hub")
print(hub_port, cdn_port, flush=True)
sys.stdin.read()  # until whoever started this closes the pipe, or dies
