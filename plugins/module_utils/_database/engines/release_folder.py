# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release that a migration tool runs from: where it is staged, else unpacked for the time being."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import (
    Layout,
    make_folder,
    validate_version,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.outcome import os_errors_named
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.recovery import (
    load_trusted,
    settled,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source, fetch
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.unpack import unpack
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.trust import require
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions


class NoReleaseError(StrataError):
    """There is nothing on this host to run, and nothing to fetch."""


@contextmanager
def release_folder(options: EngineOptions, group: int | None) -> Iterator[Path]:
    """The folder of the release for as long as it is needed.

    Args:
        group: that of the user who is to read it; None where that is this process's own.

    Raises:
        NoReleaseError: there is none, and no archive.
        StrataError: as of `fetch` and `unpack`.
    """
    artifact = options.artifact
    if artifact:
        artifact.validate()
    staged = _staged(options.path, options.release, artifact)
    if staged:
        if group is None:
            _require_own(staged)
        yield staged
        return
    if artifact is None:
        where = (
            f"{options.release or 'No release'} is not under {options.path}"
            if options.path
            else "No path is given"
        )
        raise NoReleaseError(
            f"There is no release to run the migration commands from: {where} on this host, and no archive is given. "
            "Give the release's manifest, or migrate on a host of the fleet."
        )
    with tempfile.TemporaryDirectory(prefix="strata-release-") as private:
        folder = Path(private) / "release"
        with os_errors_named(
            f"Unpacking {artifact.shown} in the host's folder for temporary files, for its migrations (TMPDIR names another)"
        ):
            rules = Rules()
            fetch(artifact, Path(private) / "artifact", rules.max_bytes)
            make_folder(folder)
            with open(Path(private) / "artifact", "rb") as stream:
                unpack(stream, folder, rules, Path(private))
            (Path(private) / "artifact").unlink()
            if group is not None:
                # Still root's own, so that the user's code cannot change what is run as root's temporary files.
                os.chown(private, -1, group)
                os.chmod(private, 0o750)  # noqa: S103 (its group is the one user to read it)
        yield folder


def _require_own(folder: Path) -> None:
    """Root does not run what another user can change."""
    try:
        require(folder)
    except StrataError as error:
        raise StrataError(
            f"{error} Migration tools are run as the owner of the release with the option user (role: db_migrate_user)."
        ) from None


def _staged(path: str | None, release: str, artifact: Source | None) -> Path | None:
    if not path:
        return None
    layout = Layout(path)
    with os_errors_named(f"Reading the releases under {path}"):
        version = release or layout.current()
        if not version:
            return None
        validate_version(version)
        state = load_trusted(layout)
        known = settled(layout, state).releases.get(version)
        if not layout.release(version).is_dir() or version in (state.replacing, *state.removing):
            return None
    if artifact and not (known and artifact.matches(known.digests)):
        return None  # another build of that version, left from an earlier try
    return layout.release(version)
