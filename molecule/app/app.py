# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web app of the standard library alone, for hosts that have nothing but Python 3.9 or newer.

``/`` greets, as its shared configuration has it; ``/health`` says how it is; ``/slow`` takes two seconds.
Every answer has the release in the header ``X-Release``.

It listens on ``PORT``, or takes the listening socket from systemd; then, told to end, it first answers whom it has accepted.
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

RELEASE = Path(__file__).resolve().parent
VERSION = (RELEASE / "VERSION").read_text(encoding="utf-8").strip()
CONFIGURATION = RELEASE / "config.json"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/health":
            broken = (RELEASE / "BROKEN").exists()
            self._answer(503 if broken else 200, {"version": VERSION, "healthy": not broken})
        elif self.path == "/slow":
            time.sleep(2)
            self._answer(200, {"version": VERSION})
        elif self.path == "/":
            self._answer(200, {"version": VERSION, "greeting": _greeting()})
        else:
            self._answer(404, {"error": f"no {self.path} here"})

    def _answer(self, status: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Release", VERSION)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: health checks would fill the journal."""


def _greeting() -> str:
    if not CONFIGURATION.exists():
        return "hello"
    return str(json.loads(CONFIGURATION.read_text(encoding="utf-8"))["greeting"])


def _collapse() -> None:
    time.sleep(2)
    # More than an error shows, of which the end is what matters.
    for number in range(25):
        print(f"work {number}")
    print("this release collapses", flush=True)
    os._exit(1)


class Accepted(Handler):
    """One request a connection, for one that is idle would keep the process from its end."""

    protocol_version = "HTTP/1.0"
    timeout = 5


def _serve_with_others() -> None:
    server = http.server.ThreadingHTTPServer(("", 0), Accepted, bind_and_activate=False)
    server.daemon_threads = False
    server.socket.close()
    # systemd hands sockets over from descriptor 3 on. Another instance may accept first, and must not leave us waiting.
    server.socket = socket.socket(fileno=3)
    server.socket.setblocking(False)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.05)
    server.server_close()


if __name__ == "__main__":
    if (RELEASE / "CRASH").exists():
        sys.exit("there is no way that this release starts")
    if (RELEASE / "COLLAPSE").exists():
        threading.Thread(target=_collapse).start()
    if "LISTEN_FDS" in os.environ:
        _serve_with_others()
    else:
        http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
