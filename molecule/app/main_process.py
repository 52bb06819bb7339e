# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A main process as web servers have it: it holds the socket and stays, and at SIGHUP starts a new worker of the current release.

``python3 main_process.py FOLDER PORT``, where FOLDER is the link to the current release.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

SOCKET = 3


def start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=sys.argv[1],
        env={**os.environ, "LISTEN_FDS": "1"},
        pass_fds=(SOCKET,),
    )


if __name__ == "__main__":
    asked: list[int] = []
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda each, _frame: asked.append(each))
    listening = socket.create_server(("", int(sys.argv[2])), backlog=128)
    os.dup2(listening.detach(), SOCKET)
    worker = start()
    while True:
        while not asked:
            signal.sigtimedwait((), 0.05)
        if asked.pop(0) == signal.SIGTERM:
            break
        former, worker = worker, start()
        former.terminate()
        former.wait()
    worker.terminate()
    worker.wait()
