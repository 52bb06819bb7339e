# SPDX-License-Identifier: GPL-3.0-or-later
"""How long an artifact takes to be staged on all hosts of an inventory, fetched by each host and by the controller.

python bench/fetch.py -i INVENTORY [--mib 200] [--address ADDRESS] [--forks 20] [--rounds 3]

Each round stages it anew below /tmp/strata-bench on the hosts, which fetch it from this machine under ADDRESS, and takes it away again.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import http.server
import random
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: strata.deploy.artifact, tasks_from: stage}
"""
MIB = 1024 * 1024


class Serving(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


def build(path: Path, mib: int) -> str:
    """An artifact of noise, which does not compress; its checksum."""
    (path.parent / "noise").write_bytes(b"".join(random.randbytes(MIB) for _each in range(mib)))
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(path.parent / "noise", "noise")
    with path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def run(program: str, *arguments: str) -> float:
    started = time.monotonic()
    command = [str(Path(sys.executable).parent / program), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-i", "--inventory", type=Path, required=True)
    parser.add_argument("--mib", type=int, default=200)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--forks", default="20")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checksum = build(folder / "bench.tar.gz", options.mib)
        (folder / "play.yml").write_text(PLAY)
        handler = functools.partial(Serving, directory=name)
        server = http.server.ThreadingHTTPServer(("", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hosts = ["-i", str(options.inventory.resolve()), "-f", options.forks]
        roots = "/tmp/strata-bench/{{ inventory_hostname }}"
        away = ["all", *hosts, "-m", "ansible.builtin.file", "-a", f"path={roots} state=absent"]
        stage = [*hosts, str(folder / "play.yml"), "-e", "artifact_version=1", "-e", f"artifact_root={roots}"]
        stage += ["-e", f"artifact_checksum={checksum}"]
        url = f"http://{options.address}:{server.server_port}/bench.tar.gz"
        print(f"{options.mib} MiB, seconds from the start of ansible-playbook to its end")
        for fetch in ("host", "controller"):
            seconds = []
            for _each in range(options.rounds):
                run("ansible", *away)
                seconds.append(
                    run(
                        "ansible-playbook",
                        *stage,
                        "-e",
                        f"artifact_url={url}",
                        "-e",
                        f"artifact_fetch={fetch}",
                    )
                )
            print(f"{fetch:>10}  " + "  ".join(f"{each:6.1f}" for each in sorted(seconds)), flush=True)
        run("ansible", *away)
        server.shutdown()


if __name__ == "__main__":
    main()
