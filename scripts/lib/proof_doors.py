"""Measures a service among strangers; scripts/proof-doors runs it."""

import asyncio
import base64
import hashlib
import hmac
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HIREWIRE = sys.argv[1]
ONLY_REPORT = os.environ.get("REPORT") == "1"
KEY = os.urandom(32)
SECRET = "whsec_" + base64.b64encode(KEY).decode()
TOKEN = "token-of-the-sandbox"
WRONG = "v1," + "A" * 43 + "= "
SECONDS = 8
wrong = 0


def holds(condition, text):
    global wrong
    if ONLY_REPORT:
        print(f"       {text}")
        return
    print(f"{'ok' if condition else 'WRONG':6} {text}")
    wrong |= not condition


def event(number, kind, worker, data=None):
    return json.dumps({
        "specversion": "1.0", "id": f"proof-{number}", "source": "/hr/proof",
        "type": f"hr.worker.{kind}.v1", "subject": worker, "data": data or {},
    }).encode()


def request(body, signature=None, number=0):
    """A hook; signed, unless a signature is given."""
    stamp = str(int(time.time()))
    if signature is None:
        signed = f"msg_{number}.{stamp}.".encode() + body
        mac = hmac.new(KEY, signed, hashlib.sha256).digest()
        signature = "v1," + base64.b64encode(mac).decode()
    head = (
        "POST /hooks/proof HTTP/1.1\r\nhost: proof\r\ncontent-type: application/cloudevents+json\r\n"
        f"webhook-id: msg_{number}\r\nwebhook-timestamp: {stamp}\r\nwebhook-signature: {signature}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection:
    """One keep-alive connection, opened again when it ends."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def send(self, data):
        """The status of the answer; 0: none."""
        try:
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
            self.writer.write(data)
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
            lower = head.lower()
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            await self.reader.readexactly(length)
            if b"connection: close" in lower:
                self.close()
            return int(head.split(b" ")[1])
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, IndexError):
            self.close()
            return 0

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.writer = None


async def load(port, rate, make, seconds):
    """Sends `rate` requests a second over 64 connections: (seconds, status) of each."""
    results, queue, number = [], asyncio.Queue(), 0

    async def work():
        connection = Connection(port)
        while True:
            due, number = await queue.get()
            status = await connection.send(make(number))
            results.append((time.monotonic() - due, status))

    workers = [asyncio.create_task(work()) for _ in range(64)]
    start = time.monotonic()
    while (now := time.monotonic()) < start + seconds:
        while number < (now - start) * rate:
            queue.put_nowait((start + number / rate, number))
            number += 1
        await asyncio.sleep(0.002)
    ends = time.monotonic() + 10
    while len(results) < number and time.monotonic() < ends:
        await asyncio.sleep(0.05)
    for worker in workers:
        worker.cancel()
    return number, results


def run_load(kind, port, rate, seconds, base, pipe):
    if kind == "honest":
        make = lambda n: request(event(base + n, "changed", f"W-{n % 50}"), number=base + n)
    else:
        hostile = request(b" " * 16_000, WRONG * 300)
        make = lambda n: hostile
    pipe.send(asyncio.run(load(port, rate, make, seconds)))


def start_load(kind, port, rate, seconds, base=0):
    receiver, sender = multiprocessing.Pipe(False)
    process = multiprocessing.Process(
        target=run_load, args=(kind, port, rate, seconds, base, sender))
    process.start()
    return lambda: (receiver.recv(), process.join())[0]


def summary(loaded):
    sent, results = loaded
    times = sorted(took for took, _ in results) or [float("inf")]
    statuses = {}
    for _, status in results:
        statuses[status] = statuses.get(status, 0) + 1
    p99 = times[int(len(times) * 0.99)]
    text = f"{sent / SECONDS:.0f}/s sent, statuses {statuses}, median {times[len(times) // 2] * 1000:.1f} ms"
    return statuses, sent, p99, f"{text}, p99 {p99 * 1000:.0f} ms, longest {times[-1] * 1000:.0f} ms"


class Service:
    def __init__(self, descriptors=None):
        self.folder = tempfile.TemporaryDirectory()
        self.processes = []
        self.sandbox = self.start("sandbox", ["sandbox", "--listen", "127.0.0.1:0", "--token", TOKEN])
        self.sandbox_url = self.line("sandbox", "page ").split()[-1].rstrip("/")
        with open(f"{self.folder.name}/hirewire.toml", "w") as config:
            config.write(f'''
data_dir = "data"
[intake]
listen = "127.0.0.1:0"
[ops]
listen = "127.0.0.1:0"
[sources.proof]
preset = "canonical"
secrets = [{{ env = "SECRET" }}]
time_zone = "Europe/Berlin"
[connections.app]
base_url = "{self.sandbox_url}/scim/v2"
token = {{ env = "TOKEN" }}
mode = "apply"
limits = {{ rate = "1000/s", concurrency = 8, timeout = "2s" }}
''')
        self.service = self.start("service", ["run"], descriptors)
        self.hooks = int(self.line("service", "/hooks/proof").split(":")[-1].split("/")[0])
        self.ops = int(self.line("service", "/readyz").split("/readyz")[0].split(":")[-1])
        self.wait(lambda: urllib.request.urlopen(f"http://127.0.0.1:{self.ops}/readyz").status == 200)

    def start(self, name, arguments, descriptors=None):
        command = [HIREWIRE, *arguments]
        if descriptors:
            command = ["sh", "-c", f'ulimit -n {descriptors}; exec "$0" "$@"', *command]
        out = open(f"{self.folder.name}/{name}.out", "wb")
        process = subprocess.Popen(
            command, cwd=self.folder.name, stdout=out, stderr=subprocess.DEVNULL,
            env={"SECRET": SECRET, "TOKEN": TOKEN, "HIREWIRE_LOG": "error", "PATH": os.environ["PATH"]})
        self.processes.append(process)
        return process

    def line(self, name, text):
        found = []

        def look():
            lines = open(f"{self.folder.name}/{name}.out").read().splitlines()
            found.extend(line for line in lines if text in line)
            return bool(found)

        self.wait(look)
        return found[0]

    @staticmethod
    def wait(condition, seconds=60):
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            try:
                if condition():
                    return True
            except OSError:
                pass
            time.sleep(0.01)
        return False

    def post(self, data):
        return asyncio.run(Connection(self.hooks).send(data))

    def hire(self):
        person = {"worker": {"name": {"given": "Ada", "family": "L"}, "work_email": "ada@acme.example"}}
        self.post(request(event("hired", "hired", "E-1", person), number="hired"))
        self.wait(lambda: self.active() == 1)

    def active(self):
        state = urllib.request.urlopen(f"{self.sandbox_url}/sandbox/state?requests=1")
        return json.load(state)["active"]

    def leaver(self, seconds=60):
        """How long a termination takes, posted until it is accepted."""
        started = time.monotonic()
        data = request(event("left", "terminated", "E-1"), number="left")
        self.wait(lambda: self.post(data) == 200, seconds)
        done = self.wait(lambda: self.active() == 0, seconds)
        return time.monotonic() - started if done else float("inf")

    def peak(self):
        status = open(f"/proc/{self.service.pid}/status").read()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def end(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
        self.folder.cleanup()


def signatures():
    service = Service()
    service.hire()
    alone = summary(start_load("honest", service.hooks, 1000, SECONDS)())
    holds(alone[0] == {200: alone[1]}, f"1,000 honest hooks/s alone: {alone[3]}")

    hostile = start_load("hostile", service.hooks, 1000, SECONDS)
    honest = start_load("honest", service.hooks, 1000, SECONDS, base=1_000_000)
    honest, hostile = summary(honest()), summary(hostile())
    holds(honest[0] == {200: honest[1]} and honest[2] < 0.5,
          f"beside 1,000 hostile ones with 300 signatures: {honest[3]}")
    holds(True, f"  the hostile ones: {hostile[3]}")

    body = b" " * 1024 * 1024
    huge = request(body, "v1,AA " * 69_000)
    pipes = [start_one(service.hooks, huge) for _ in range(2)]
    time.sleep(0.3)
    took = service.leaver(120)
    holds(took < 2, f"a leaver beside two headers of 69,000 signatures and 1 MiB: {took:.2f} s")
    for pipe in pipes:
        pipe.kill()
    service.end()


def start_one(port, data):
    process = multiprocessing.Process(target=lambda: asyncio.run(Connection(port).send(data)))
    process.start()
    return process


def idle():
    service = Service(descriptors=1024)
    service.hire()
    sockets = []
    for _ in range(2000):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", service.hooks))
        sockets.append(one)
    time.sleep(3)
    took = service.leaver(40)
    holds(took < 2, f"a leaver beside {len(sockets)} idle connections at `ulimit -n 1024`: {took:.2f} s")
    for one in sockets:
        one.close()
    service.end()


def flood(port, pipe):
    async def all_bodies():
        data = request(b" " * 1024 * 1024, WRONG)
        return await asyncio.gather(*(Connection(port).send(data) for _ in range(1000)))

    pipe.send(asyncio.run(all_bodies()))


def memory():
    service = Service()
    service.hire()
    receiver, sender = multiprocessing.Pipe(False)
    process = multiprocessing.Process(target=flood, args=(service.hooks, sender))
    process.start()
    time.sleep(0.2)
    took = service.leaver()
    statuses = receiver.recv()
    process.join()
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    holds(service.peak() < 200, f"1,000 unsigned bodies of 1 MiB: {service.peak():.0f} MiB at most, statuses {counts}")
    holds(took < 5, f"  a leaver beside them: {took:.2f} s")
    service.end()


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signatures()
    idle()
    memory()
    sys.exit(wrong)
