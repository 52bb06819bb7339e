# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import (
    Layout,
)

READER = """
import os, sys
link, stop = sys.argv[1:]
print("reading", flush=True)
seen = set()
while not os.path.exists(stop):
    seen.add((os.readlink(link), open(link + "/VERSION").read()))
print(sorted(seen))
"""


def test_another_process_never_finds_the_link_missing_while_it_is_switched(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path / "shop"))
    layout.create()
    for version in ("0.0", "1.0"):
        layout.release(version).mkdir()
        (layout.release(version) / "VERSION").write_text(version)
    layout.switch("1.0")
    command = [sys.executable, "-c", READER, str(layout.link), str(tmp_path / "stop")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout
        assert reader.stdout.readline() == "reading\n"
        try:
            for number in range(1000):
                layout.switch(f"{number % 2}.0")
        finally:
            (tmp_path / "stop").touch()
        # Between its two looks the link may have moved, but each finds a whole release.
        seen = {text for pair in ast.literal_eval(reader.stdout.read()) for text in pair}
    assert reader.returncode == 0
    assert seen == {"0.0", "1.0", "releases/0.0", "releases/1.0"}
    assert layout.current() == "1.0"
