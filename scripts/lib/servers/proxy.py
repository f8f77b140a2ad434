"""A reverse proxy before a SCIM server: it logs each request, and holds each against the RFCs.

It shares no code with Hirewire. scripts/lib/proof_servers.py runs it.
"""

import http.client
import json
import re
import threading
import urllib.parse
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CORE = {"Users": "urn:ietf:params:scim:schemas:core:2.0:User",
        "Groups": "urn:ietf:params:scim:schemas:core:2.0:Group"}
MEDIA_TYPES = ("application/scim+json", "application/json")
WRITES = ("POST", "PUT", "PATCH", "DELETE")
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server")

ATTRIBUTE = r"(?:urn:[A-Za-z0-9:._-]+:)?[A-Za-z$][A-Za-z0-9$_-]*"
STRING = r'"(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"'
COMPARISON = rf"{ATTRIBUTE}(?:\.[A-Za-z$]\w*)? eq (?:{STRING}|true|false)"
VALUE_PATH = rf"{ATTRIBUTE}\[{COMPARISON}(?: and {COMPARISON})*\](?:\.[A-Za-z$]\w*)?"
FILTER = re.compile(rf"(?:{ATTRIBUTE}\[{COMPARISON}(?: and {COMPARISON})*\]|{COMPARISON}(?: and {COMPARISON})*)")
PATH = re.compile(rf"(?:{VALUE_PATH}|{ATTRIBUTE}(?:\.[A-Za-z$]\w*)?)")


@dataclass
class Exchange:
    """One request and its answer."""

    method: str
    path: str
    body: bytes
    status: int
    answer: bytes

    @property
    def writes(self):
        return self.method in WRITES

    def __str__(self):
        shown = urllib.parse.unquote(self.path)
        body = f" {self.body.decode()}" if self.body else ""
        answer = "" if self.status < 400 else f": {self.answer[:300].decode(errors='replace')}"
        return f"{self.method} {shown}{body} -> {self.status}{answer}"


class Proxy:
    """Listens on a port of its own and passes everything on to the server."""

    def __init__(self, server_port, base):
        self.log, self.lock, self.base = [], threading.Lock(), base
        self.mistakes = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                upstream = http.client.HTTPConnection("127.0.0.1", server_port, timeout=30)
                headers = {name: value for name, value in self.headers.items()
                           if name.lower() not in ("host", "connection")}
                headers["Host"] = f"127.0.0.1:{server_port}"
                upstream.request(self.command, self.path, body or None, headers)
                answer = upstream.getresponse()
                content = answer.read()
                proxy.record(self.command, self.path, self.headers, body, answer.status, content)

                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                upstream.close()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}{base}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def record(self, method, path, headers, body, status, answer):
        exchange = Exchange(method, path, body, status, answer)
        found = [f"{text}: {exchange}" for text in mistakes(method, path, headers, body, self.base)]
        with self.lock:
            self.log.append(exchange)
            self.mistakes.extend(found)

    def since(self, position):
        with self.lock:
            return self.log[position:]

    def writes(self, position=0):
        return [exchange for exchange in self.since(position) if exchange.writes]


def mistakes(method, path, headers, body, base):
    """Each way in which a request differs from RFC 7643 and RFC 7644."""
    url = urllib.parse.urlsplit(path)
    parts = url.path.removeprefix(base).strip("/").split("/")
    if not headers.get("authorization", "").startswith("Bearer "):
        yield "no bearer token"
    if "json" not in headers.get("accept", "") and method != "DELETE":
        yield "the Accept header names no JSON"
    if method in ("GET", "DELETE"):
        if body:
            yield "a body"
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        if "filter" in query and not FILTER.fullmatch(query["filter"]):
            yield "the filter is not of RFC 7644, figure 1"
        return

    if headers.get("content-type", "").split(";")[0] not in MEDIA_TYPES:
        yield "the media type is not that of RFC 7644, 3.1"
    try:
        document = json.loads(body)
    except ValueError:
        yield "the body is no JSON"
        return
    if method == "PATCH":
        yield from patch_mistakes(document)
    else:
        yield from resource_mistakes(method, document, parts)


def patch_mistakes(document):
    if document.get("schemas") != [PATCH_OP]:
        yield "`schemas` is not that of a PATCH (3.5.2)"
    if not document.get("Operations"):
        yield "no operations"
    for operation in document.get("Operations", []):
        op, path = operation.get("op"), operation.get("path")
        if op not in ("add", "remove", "replace"):
            yield f"the operation {op}"
        if path is not None and not PATH.fullmatch(path):
            yield f"the path {path} is not of RFC 7644, figure 7"
        if path is None and (op == "remove" or not isinstance(operation.get("value"), dict)):
            yield "no path"
        if op in ("add", "replace") and "value" not in operation:
            yield "no value"
        if path and path.split(".")[0] in ("id", "meta", "groups", "schemas"):
            yield f"{path} is read-only"


def resource_mistakes(method, document, parts):
    schemas = document.get("schemas", [])
    extensions = [name for name in document if name.startswith("urn:")]
    if CORE.get(parts[0]) not in schemas:
        yield "`schemas` does not name the resource (RFC 7643, 3)"
    if any(name not in schemas for name in extensions):
        yield "`schemas` does not name an extension of the body (RFC 7643, 3.3)"
    if method == "POST" and ("id" in document or "meta" in document):
        yield "a POST with id or meta"
    if method == "PUT" and document.get("id", parts[-1]) != parts[-1]:
        yield "a PUT with the id of another resource"
    for name, value in document.items():
        if isinstance(value, list) and name != "schemas":
            if sum(1 for one in value if isinstance(one, dict) and one.get("primary") is True) > 1:
                yield f"{name} has two primary elements (RFC 7643, 2.4)"
