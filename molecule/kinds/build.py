# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the app's releases as saved images, and as a signed repository of packages, or removes what ran of them.

``python build.py images|packages NETWORK FOLDER``, ``python build.py remove NETWORK``
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

APP = Path(__file__).parents[1] / "app/app.py"
IMAGES = {"1.0": "", "2.0": "", "3.1-crash": "CRASH"}
PACKAGES = ("1.0", "2.0", "2.1", "3.0-broken")
UNIT = """\
[Service]
WorkingDirectory=/usr/lib/shop-deb
Environment=PORT=8091
ExecStart=/usr/bin/python3 app.py
"""
POSTINST = """\
#!/bin/sh
set -e
while [ -e /run/shop-slow ]; do sleep 0.1; done
systemctl daemon-reload
"""
BROKEN = POSTINST + "echo 'shop-deb: there is no way that it is configured' >&2\nexit 3\n"


def run(*command: str | Path, stdin: bytes | None = None) -> bytes:
    return subprocess.run([*map(str, command)], input=stdin, stdout=subprocess.PIPE, check=True).stdout


def images(network: str, artifacts: Path) -> None:
    base = f"strata/kinds-python:{network}"
    # Of a host's Python what the app needs, and no more: the images are to be fetched again and again.
    pack = (
        "tar --create --dereference --absolute-names --exclude=test --exclude=__pycache__ --exclude=dist-packages"
        " /usr/bin/python3 /usr/lib/python3.11 $(ldd /usr/bin/python3 | grep --only-matching '/[^ ]*')"
    )
    run(
        "docker",
        "import",
        "-",
        base,
        stdin=run("docker", "run", "--rm", f"strata/debian12:{network}", "sh", "-c", pack),
    )
    for version, fault in IMAGES.items():
        tag = f"strata/kinds-shop:{network}-{version}"
        with tempfile.TemporaryDirectory() as folder:
            context = Path(folder)
            shutil.copy(APP, context)
            (context / "VERSION").write_text(f"{version}\n", encoding="utf-8")
            if fault:
                (context / fault).touch()
            (context / "Dockerfile").write_text(
                f'FROM {base}\nCOPY . /app\nCMD ["/usr/bin/python3", "-S", "/app/app.py"]\n', encoding="utf-8"
            )
            run("docker", "build", "--quiet", "--tag", tag, context)
        artifact = artifacts / f"shop-image-{version}.tar.gz"
        artifact.write_bytes(gzip.compress(run("docker", "save", tag), 1))
        checksum = hashlib.sha256(artifact.read_bytes()).hexdigest()
        artifact.with_name(f"{artifact.name}.sha256").write_text(f"sha256:{checksum}", encoding="utf-8")
        run("docker", "rmi", tag)


def packages(artifacts: Path) -> None:
    repository = artifacts / "apt"
    shutil.rmtree(repository, ignore_errors=True)
    repository.mkdir(parents=True)
    index = ""
    for version in PACKAGES:
        files = {
            "usr/lib/shop-deb/app.py": APP.read_text(encoding="utf-8"),
            "usr/lib/shop-deb/VERSION": f"{version}\n",
            "lib/systemd/system/shop-deb.service": UNIT,
            "etc/shop-deb/shop.conf": f"# of {version}\n",
            "DEBIAN/conffiles": "/etc/shop-deb/shop.conf\n",
            "DEBIAN/postinst": BROKEN if "broken" in version else POSTINST,
        }
        # As most packages of one source need each other: in their own version, and no other.
        common, extra = f"shop-deb-common (= {version}-1)", f"shop-deb-extra (= {version}-1)"
        index += package(
            repository, "shop-deb", version, files, common if version == "1.0" else f"{common}, {extra}"
        )
        index += package(repository, "shop-deb-common", version, {}, "")
        index += package(repository, "shop-deb-extra", version, {}, common)
    (repository / "Packages").write_text(index, encoding="utf-8")
    content = index.encode()
    date = time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime())
    release = f"Suite: stable\nDate: {date}\nSHA256:\n {hashlib.sha256(content).hexdigest()} {len(content)} Packages\n"
    with tempfile.TemporaryDirectory() as home:
        gpg = ("gpg", "--homedir", home, "--batch", "--quiet", "--yes", "--passphrase", "")
        run(*gpg, "--quick-generate-key", "shop@example.com", "ed25519", "sign", "never")
        run(*gpg, "--output", repository / "shop.gpg", "--export")
        run(*gpg, "--output", repository / "InRelease", "--clearsign", stdin=release.encode())
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


def package(repository: Path, name: str, version: str, files: dict[str, str], needs: str) -> str:
    """Build a package; what the repository's index says of it."""
    with tempfile.TemporaryDirectory() as folder:
        control = (
            f"Package: {name}\nVersion: {version}-1\nArchitecture: all\nMaintainer: Shop <shop@example.com>\n"
        )
        control += (f"Depends: {needs}\n" if needs else "") + "Description: the shop\n"
        for path, content in {**files, "DEBIAN/control": control}.items():
            target = Path(folder, "root", path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
            target.chmod(0o755 if path.endswith("postinst") else 0o644)
        built = repository / f"{name}_{version}-1_all.deb"
        run("dpkg-deb", "--root-owner-group", "--build", Path(folder, "root"), built)
    content = built.read_bytes()
    return f"{control}Filename: ./{built.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n\n"


def remove(network: str) -> None:
    name = f"name=^{network}-shop-"
    containers = run("docker", "ps", "--all", "--quiet", "--filter", name).decode().split()
    if containers:
        run("docker", "rm", "--force", *containers)
    for repository in ("kinds-shop", "kinds-python"):
        shown = (
            run("docker", "images", "--format", "{{.Repository}}:{{.Tag}}", f"strata/{repository}")
            .decode()
            .split()
        )
        ours = [each for each in shown if each.partition(":")[2].startswith(network)]
        if ours:
            run("docker", "rmi", *ours)


if __name__ == "__main__":
    if sys.argv[1] == "images":
        images(sys.argv[2], Path(sys.argv[3]))
    elif sys.argv[1] == "packages":
        packages(Path(sys.argv[3]))
    else:
        remove(sys.argv[2])
