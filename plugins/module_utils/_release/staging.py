# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staging: a release fetched, verified and unpacked beside the running one, which is not touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.protocol import Artifact
from ansible_collections.strata.deploy.plugins.module_utils._clock import utc_now
from ansible_collections.strata.deploy.plugins.module_utils._durable import sync_directory, sync_filesystem
from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._release.layout import (
    Layout,
    make_folder,
    remove_tree,
    validate_shared,
    validate_version,
)
from ansible_collections.strata.deploy.plugins.module_utils._release.outcome import Outcome, act, view
from ansible_collections.strata.deploy.plugins.module_utils._release.recovery import opened
from ansible_collections.strata.deploy.plugins.module_utils._release.removal import remove
from ansible_collections.strata.deploy.plugins.module_utils._release.state import Release, State, save


def ensure_staged(
    root: str,
    version: str,
    artifact: Artifact,
    *,
    shared: tuple[str, ...] = (),
    deployment: str | None = None,
    check_mode: bool = False,
) -> Outcome:
    """Have ``version`` staged under ``root``, with links from ``shared`` paths to ``shared/``.

    Raises:
        StrataError: bad input; no such artifact, or not what its checksum says; or the version is current and
            would have to be rebuilt.
    """
    validate_version(version)
    validate_shared(shared)
    artifact.validate()
    layout = Layout(root)
    with act(f"Staging {version} under {root}"), opened(layout, check_mode, create=True) as state:
        current = layout.current()
        known = state.releases.get(version)
        before = {**view(state, current), "checksum": known.checksum if known else None}
        there = layout.release(version).is_dir()
        if known and there and artifact.matches(known.digests):
            return Outcome(False, before, before, version, current, known.state)
        if version == current or (there and version == state.last_good(state.left(current))):
            role = "current" if version == current else "what a rollback would lead to"
            raise StrataError(
                f"{version} is {role} under {root}, and what is asked for is another build"
                f" (checksum {artifact.checksum}): a version is never rebuilt. Give the new build a version of its own."
            )
        if there and not known and version not in (state.replacing, *state.removing):
            raise StrataError(f"{layout.release(version)} is there, but not one of Strata's. Move it away.")
        release = Release(
            version,
            "staged",
            artifact.checksum,
            {},
            artifact.origin,
            utc_now(),
            artifact.kind,
            deployed_by=deployment,
        )
        after = {**view(state.put(release), current), "checksum": release.checksum}
        if check_mode:
            artifact.look_up()
        else:
            _stage(layout, state, release, artifact, shared)
        return Outcome(True, before, after, version, current, "staged")


def _stage(
    layout: Layout,
    state: State,
    release: Release,
    artifact: Artifact,
    shared: tuple[str, ...],
) -> None:
    incoming = layout.incoming()
    try:
        folder, scratch = incoming / "release", incoming / "scratch"
        folder.mkdir()
        scratch.mkdir()
        digests = artifact.stage(folder, scratch)
        for path in shared:
            _link_shared(layout, folder, path)
        folder.chmod(0o755)
        # A release must not be half there after a power cut.
        sync_filesystem(folder)
        intended = save(layout.state, replace(state, replacing=release.version))
        remove(layout, state, release.version)
        folder.rename(layout.release(release.version))
        sync_directory(layout.releases)
        save(layout.state, replace(intended.put(replace(release, digests=digests)), replacing=None))
    finally:
        remove_tree(incoming)


def _link_shared(layout: Layout, folder: Path, path: str) -> None:
    """Put a link to ``shared/PATH`` in the place of PATH, whatever the artifact has there."""
    place = folder
    for part in path.split("/")[:-1]:
        place = place / part
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise StrataError(
                f"The shared path {path!r} cannot be linked: {part!r} in the artifact is not a folder."
            )
        make_folder(place)
    place = folder / path
    if place.is_dir() and not place.is_symlink():
        layout.discard(place)
    elif place.is_symlink() or place.exists():
        place.unlink()
    target = layout.shared / path
    if not target.exists():
        make_folder(target)
    up = "../" * (2 + path.count("/"))
    place.symlink_to(f"{up}shared/{path}")
