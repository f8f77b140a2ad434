"""The foreign server, Hirewire before it, and what a person's account should be there.

The expected values are computed from the input alone, and the server is read without Hirewire's
client.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from urllib.parse import quote

from proxy import CORE

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
KEY = os.urandom(32)
SECRET = "whsec_" + base64.b64encode(KEY).decode()
TOKEN = "a-token-of-the-proof"
DEADLINE = 30


class Wrong(Exception):
    """Something is not as it should be."""


def until(condition, seconds=DEADLINE):
    """The last result of `condition`, which is falsy once all is well."""
    ends = time.monotonic() + seconds
    while (problem := condition()) and time.monotonic() < ends:
        time.sleep(0.05)
    return problem


class Server:
    """The foreign server, and what it has."""

    def __init__(self, folder, cache):
        self.folder, self.cache = folder, cache
        self.about = tomllib.loads((folder / "server.toml").read_text())
        self.name = self.about["name"]
        self.data = tempfile.TemporaryDirectory()
        self.port = free_port()
        places = {"cache": cache, "folder": folder, "port": self.port, "token": TOKEN}
        command = [part.format(**places) for part in self.about["command"]]
        environment = {"PATH": os.environ["PATH"], "PORT": str(self.port), "TOKEN": TOKEN, "DATA": self.data.name}
        self.out = open(f"{self.data.name}/out", "wb")
        where = cache if (cache / "server.mjs").exists() else folder
        self.process = subprocess.Popen(
            command, cwd=where, env=environment, stdout=self.out, stderr=subprocess.STDOUT)
        self.url = f"http://127.0.0.1:{self.port}{self.about['base']}"
        if until(lambda: not self.answers()):
            raise Wrong(f"the server does not start: {open(self.out.name).read()[-2000:]}")
        for name in self.about["groups"]:
            self.post("Groups", {"displayName": name})

    def answers(self):
        try:
            return self.request("GET", "Users")[0] == 200
        except OSError:
            return False

    def request(self, method, path, body=None):
        request = urllib.request.Request(f"{self.url}/{path}", method=method, headers={
            "authorization": f"Bearer {TOKEN}", "content-type": "application/scim+json"})
        request.data = json.dumps(body).encode() if body else None
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def post(self, kind, body):
        status, answer = self.request("POST", kind, {"schemas": [CORE[kind]], **body})
        if status != 201:
            raise Wrong(f"POST /{kind} of the test itself: {status} {answer}")
        return answer

    def all(self, kind):
        found = []
        while True:
            status, page = self.request("GET", f"{kind}?startIndex={len(found) + 1}&count=100")
            if status != 200:
                raise Wrong(f"GET /{kind}: {status} {page}")
            found += page.get("Resources", [])
            if not page.get("Resources") or len(found) >= page["totalResults"]:
                return found

    def members(self):
        """The names of the groups by the id of their members."""
        groups, all_groups = {}, self.all("Groups")
        names = [group["displayName"] for group in all_groups]
        for group in all_groups:
            if names.count(group["displayName"]) > 1:
                raise Wrong(f"several groups {group['displayName']}")
            for member in group.get("members") or []:
                groups.setdefault(member["value"], set()).add(group["displayName"])
        return groups

    def end(self):
        end(self.process)
        self.out.close()
        self.data.cleanup()


class Hirewire:
    """The binary with a store of its own."""

    def __init__(self, binary, server, proxy):
        self.folder = tempfile.TemporaryDirectory()
        self.binary, self.data = binary, f"{self.folder.name}/data"
        self.environment = {
            "PATH": os.environ["PATH"], "HR_SECRET": SECRET, "SERVER_TOKEN": TOKEN,
            "HIREWIRE_CONFIG": str(server.folder / "hirewire.toml"), "HIREWIRE__DATA_DIR": self.data,
            "HIREWIRE__INTAKE__LISTEN": "127.0.0.1:0", "HIREWIRE__OPS__LISTEN": "127.0.0.1:0",
            "HIREWIRE__CONNECTIONS__APP__BASE_URL": proxy.url, "HIREWIRE_LOG": "hirewire=warn",
        }
        # To try another dialect.
        self.environment |= {n: v for n, v in os.environ.items() if n.startswith("HIREWIRE__")}
        checked = subprocess.run([binary, "check"], env=self.environment, capture_output=True, text=True)
        if checked.returncode != 0:
            raise Wrong(f"hirewire check: {checked.stdout}{checked.stderr}")
        self.out = f"{self.folder.name}/out"
        with open(self.out, "wb") as out:
            self.process = subprocess.Popen(
                [binary, "run"], env=self.environment, stdout=out, stderr=subprocess.STDOUT)
        if until(lambda: not self.hooks_url()):
            raise Wrong(f"hirewire does not start: {open(self.out).read()}")
        self.url = self.hooks_url()

    def hooks_url(self):
        lines = [line for line in open(self.out).read().splitlines() if "/hooks/hr" in line]
        return "http://" + lines[0].split("http://")[1].split()[0] if lines else None

    def hook(self, events):
        """Sends a hook, signed as docs/webhooks.md has it."""
        body = json.dumps(events).encode()
        first = events[0] if isinstance(events, list) else events
        stamp = str(int(time.time()))
        signed = f"{first['id']}.{stamp}.".encode() + body
        signature = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        request = urllib.request.Request(self.url, body, {
            "content-type": "application/json", "webhook-id": first["id"],
            "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            raise Wrong(f"the hook is refused: {error.code} {error.read().decode()}") from error

    def api(self, path, body=None):
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(f"{self.data}/ops.sock")
        text = json.dumps(body) if body is not None else None
        connection.request("POST" if body is not None else "GET", f"/api/v1/{path}", text,
                           {"content-type": "application/json"})
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        return answer.status, content

    def busy(self, events):
        """Why it has not done all its work, if it has not."""
        known = {}
        for event in events:
            worker = event["subject"]
            if worker not in known:
                status, person = self.api(f"people/hr%2F{quote(worker, safe='')}")
                known[worker] = {one["id"] for one in person["events"]} if status == 200 else set()
            if event["id"] not in known[worker]:
                return f"the event {event['id']} of {worker} is not stored"
        _, connections = self.api("connections")
        app = connections[0]
        if app["state"] != "working" or app["pending_leavers"] or app["pending_others"]:
            return f"the connection is {app}"
        return None

    def dead_letters(self):
        return self.api("dead-letters")[1]["dead_letters"]

    def end(self):
        end(self.process)
        self.folder.cleanup()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def end(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        process.kill()


def value_of(user, attribute):
    """The value of an attribute in the answer of the server; None: it has none."""
    if attribute.startswith("enterprise."):
        user, attribute = user.get(ENTERPRISE) or {}, attribute.removeprefix("enterprise.")
    name, _, part = attribute.partition(".")
    value = user.get(name)
    if isinstance(value, list):
        of_type = [one.get("value") for one in value if one.get("type") in (part, None)]
        value = of_type[0] if of_type else None
    elif part:
        value = (value or {}).get(part)
    return value or None


class Person:
    """What HR said last about somebody, and what follows for the account."""

    def __init__(self, worker, attributes, **state):
        self.worker, self.attributes = worker, dict(attributes)
        self.active, self.groups = state.get("active", True), state.get("groups", set())
        # The attributes of an inactive account are those of the last time it was active.
        self.shows_all = False

    def values(self):
        a = self.attributes
        formatted = " ".join(filter(None, (a["given"], a["family"])))
        return {
            "userName": a["email"], "name.givenName": a["given"], "name.familyName": a["family"],
            "name.formatted": formatted, "displayName": formatted, "emails.work": a["email"],
            "title": a["title"], "phoneNumbers.mobile": a["mobile"],
            "enterprise.department": a["department"], "enterprise.employeeNumber": self.worker,
        }

    def wrong(self, user, server, members):
        if user.get("active") is not self.active:
            yield f"active is {user.get('active')}, not {self.active}"
        if not self.active and not self.shows_all:
            return
        expected = self.values()
        for attribute in server.about["keeps"]:
            if (value := value_of(user, attribute)) != expected[attribute]:
                yield f"{attribute} is {value!r}, not {expected[attribute]!r}"
        groups = members.get(user["id"], set())
        if groups != self.groups:
            yield f"groups are {groups}, not {self.groups}"


def differences(server, people):
    users, members = server.all("Users"), server.members()
    found = []
    for person in people.values():
        mine = [user for user in users if user["userName"] == person.attributes["email"]]
        if len(mine) != 1:
            found.append(f"{person.worker} has {len(mine)} users")
            continue
        found += [f"{person.worker}: {text}" for text in person.wrong(mine[0], server, members)]
    if len(users) != len(people):
        found.append(f"{len(users)} users, not {len(people)}")
    return found
