"""python3 scripts/lib/servers HIREWIRE FOLDER CACHE: the whole life against one foreign server."""

import pathlib
import sys

from lives import Lives
from parts import Hirewire, Server, Wrong
from proxy import Proxy


def prove(binary, folder, cache):
    server = Server(folder, cache)
    parts = [server]
    try:
        proxy = Proxy(server.port, server.about["base"])
        parts.append(Hirewire(binary, server, proxy))
        lives = Lives(server, proxy, parts[-1])
        lives.all()
        lives.again()
        parts.append(Hirewire(binary, server, proxy))
        lives.anew(parts[-1])
        parts.append(Hirewire(binary, server, proxy))
        lives.listed(parts[-1])
        if proxy.mistakes:
            raise Wrong("requests that are not RFC-right:\n" + "\n".join(proxy.mistakes))
    finally:
        for part in reversed(parts):
            part.end()
    requests, writes = len(proxy.since(0)), len(proxy.writes())
    print(f"ok     {server.name}: {lives.steps} steps, {requests} requests, {writes} of them write")


if __name__ == "__main__":
    hirewire, where, installed = map(pathlib.Path, sys.argv[1:])
    try:
        prove(hirewire.resolve(), where.resolve(), installed.resolve())
    except Wrong as wrong:
        print(f"WRONG  {wrong}")
        sys.exit(1)
