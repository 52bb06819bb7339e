# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Docker engine, with a little image and a registry that are made on the spot."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from programs import need

SHELL = """\
trap 'exit 0' TERM
echo "serving as $SHOP_MODE"
if [ "$SHOP_MODE" = crash ]; then echo "no database at $SHOP_SECRET" >&2; exit 3; fi
while :; do sleep 0.1; done
"""


def docker(*words: str, stdin: bytes | None = None) -> str:
    done = subprocess.run(["docker", *words], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


@pytest.fixture(scope="session")
def engine() -> Callable[..., str]:
    """Run the host's docker."""
    try:
        docker("info")
    except (AssertionError, FileNotFoundError):
        pytest.skip("no Docker engine answers here")
    return docker


@pytest.fixture(scope="session")
def image(engine: Callable[..., str]) -> Iterator[str]:
    """The id of an image that has a shell and an app of a few lines, and no tag."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        programs = [shutil.which("dash") or "/bin/sh", shutil.which("sleep") or "/bin/sleep"]
        libraries = {
            each
            for program in programs
            for each in re.findall(r"(/\S+) \(", subprocess.check_output(["ldd", program], text=True))
        }
        for path, name in [
            (programs[0], "/bin/sh"),
            (programs[1], "/bin/sleep"),
            *((x, x) for x in libraries),
        ]:
            tar.add(os.path.realpath(path), name)
        # So that no two runs share an image.
        for name, content in (("app", SHELL), ("id", uuid.uuid4().hex)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content.encode()))
    tag = f"strata-unit:{uuid.uuid4().hex}"
    made = engine(
        "import",
        "--change",
        'CMD ["/bin/sh", "/app"]',
        "--change",
        "ENV PATH=/bin",
        "-",
        tag,
        stdin=buffer.getvalue(),
    )
    yield made
    subprocess.run(["docker", "rmi", "--force", made], capture_output=True, check=False)


@pytest.fixture
def app(engine: Callable[..., str], tmp_path: Path) -> Iterator[Path]:
    """The folder of an app with a name of its own, whose containers are gone afterwards."""
    root = tmp_path / f"strata-unit-{uuid.uuid4().hex[:12]}"
    yield root
    left = engine("ps", "--all", "--quiet", "--filter", f"label=strata.deploy.root={root}").split()
    if left:
        engine("rm", "--force", *left)


@pytest.fixture
def registry(tmp_path: Path, free_port: int, image: str, engine: Callable[..., str]) -> Iterator[str]:
    """``HOST:PORT/shop@sha256:HEX`` of the image in a registry that wants anna's password, which is s3cret-word."""
    [program] = need("docker-registry")
    users = tmp_path / "users"
    crypt = ["perl", "-e", "print crypt('s3cret-word', '$2a$05$abcdefghijklmnopqrstuu')"]
    users.write_text(f"anna:{subprocess.check_output(crypt, text=True)}\n", encoding="utf-8")
    configuration = tmp_path / "registry.yml"
    configuration.write_text(
        f"""\
version: 0.1
storage: {{filesystem: {{rootdirectory: {tmp_path}/registry}}}}
http: {{addr: 127.0.0.1:{free_port}}}
auth: {{htpasswd: {{realm: shop, path: {users}}}}}
""",
        encoding="utf-8",
    )
    with open(tmp_path / "registry.log", "wb") as log:
        process = subprocess.Popen([program, "serve", str(configuration)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{free_port}/", timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        name = f"127.0.0.1:{free_port}/shop"
        config = str(tmp_path / "login")
        subprocess.run(
            [
                "docker",
                "--config",
                config,
                "login",
                "--username",
                "anna",
                "--password-stdin",
                name.partition("/")[0],
            ],
            input=b"s3cret-word",
            capture_output=True,
            check=True,
        )
        engine("tag", image, f"{name}:2.0")
        said = engine("--config", config, "push", f"{name}:2.0")
        engine("rmi", f"{name}:2.0")
        found = re.search(r"digest: (sha256:[0-9a-f]{64})", said)
        assert found
        yield f"{name}@{found[1]}"
    finally:
        process.terminate()
        process.wait(10)
