# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of the app, with nothing but the standard library: ``python3 load.py RESULTS BALANCER...``.

Each request is a line of RESULTS: when it began, on bastion1's clock, and how long it took, in seconds; through which
balancer; its path; its status or what went wrong; who answered, and in which release.
"""

from __future__ import annotations

import http.client
import itertools
import json
import sys
import threading
import time
from typing import TextIO

TIMEOUT = 10
# Users of each balancer, who keep their connection open, connect anew each time, or ask for what takes two seconds.
USERS = (("/", True, 0.1), ("/", False, 0.1), *[("/slow", False, 0.0)] * 3)


def use(balancer: str, path: str, keep: bool, pause: float, results: TextIO) -> None:
    connection = http.client.HTTPConnection(balancer, timeout=TIMEOUT)
    while True:
        began = time.time()
        entry = {"at": began, "balancer": balancer, "path": path}
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            entry["status"] = response.status
            entry["member"] = response.getheader("X-Member")
            entry["release"] = response.getheader("X-Release")
        except (OSError, http.client.HTTPException) as error:
            entry["error"] = repr(error)
            connection.close()
            pause = pause or 0.1
        entry["seconds"] = time.time() - began
        results.write(json.dumps(entry) + "\n")
        if not keep:
            connection.close()
        time.sleep(pause)


if __name__ == "__main__":
    # A line is one write, so that lines do not mix and whoever reads finds whole ones.
    with open(sys.argv[1], "a", encoding="utf-8", buffering=1) as results:
        for balancer, user in itertools.product(sys.argv[2:], USERS):
            threading.Thread(target=use, args=(balancer, *user, results), daemon=True).start()
        threading.Event().wait()
