# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staging: a release fetched, verified and unpacked beside the running one, which is not touched."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.protocol import Artifact
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.files import (
    RenderedFile,
    differing,
    digests,
    validate_files,
    write,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import (
    Layout,
    validate_version,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.outcome import (
    ReleaseChange,
    os_errors_named,
    view,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.recovery import opened
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.removal import prune, remove
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.retention import (
    superfluous,
    validate_keep,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.shared import (
    SharedPaths,
    put,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import (
    Release,
    State,
    save,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.clock import utc_now
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import (
    sync_directory,
    sync_filesystem,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.free_space import free, shown


def ensure_staged(
    root: str,
    version: str,
    artifact: Artifact,
    *,
    shared: tuple[str, ...] = (),
    shared_files: tuple[str, ...] = (),
    files: tuple[RenderedFile, ...] = (),
    keep: int = 5,
    at_most: int = 2**32,
    deployment: str | None = None,
    check_mode: bool = False,
) -> ReleaseChange:
    """Have ``version`` staged under ``root``, with links to ``shared/`` at its shared paths, which are those of `SharedPaths`.

    Args:
        keep: how many good releases stay where room has to be made.
        at_most: bytes that the artifact may take, packed and unpacked; where so many are free, its size is not asked for.

    Raises:
        StrataError: bad input; no such artifact, or not what its checksum says; no room for it; the version is
            current and would have to be rebuilt; or a path cannot be shared.
    """
    validate_version(version)
    linked = SharedPaths(shared, shared_files)
    linked.validate()
    validate_files(files, linked.all)
    validate_keep(keep)
    artifact.validate()
    layout = Layout(root)
    with os_errors_named(f"Staging {version} under {root}"), opened(layout, check_mode, create=True) as state:
        current = layout.current()
        known = state.releases.get(version)
        before = {**view(state, current), "checksum": known.checksum if known else None}
        there = layout.release(version).is_dir()
        same = known is not None and there and artifact.matches(known.digests)
        rendered = digests(files)
        other = differing(known.files if known else {}, rendered)
        if known and same and not other:
            return ReleaseChange(False, before, before, version, current, known.state)
        if there and version in (current, state.last_good(state.left(current))):
            role = "current" if version == current else "what a rollback would lead to"
            raise StrataError(
                f"{version} is {role} under {root}, and its files {', '.join(other)} are to be others: what a release"
                " was good with is never changed under it. Give it another version, with the same artifact if you"
                " like; then a rollback brings the former files back too."
                if same
                else f"{version} is {role} under {root}, and what is asked for is another build ({_difference(known, artifact)}):"
                " a version is never rebuilt. Give the new build a version of its own."
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
            files=rendered,
        )
        lacking = linked.missing(layout)
        pruned = _too_much(layout, state, release, artifact, keep, at_most, check_mode)
        state = prune(layout, state, pruned) if pruned and not check_mode else state.without(*pruned)
        after = {**view(state.put(release), current), "checksum": release.checksum}
        if other:
            # Their contents are secret, and their digests would let one guess.
            before["files"] = {path: "former" for path in other if known and path in known.files}
            after["files"] = {path: "new" for path in other if path in rendered}
        if lacking:
            before["shared"] = dict.fromkeys(lacking, "missing")
            after["shared"] = dict.fromkeys(lacking, "made")
        if check_mode:
            warnings = tuple(
                f"The shared file {layout.shared / path} is not there yet: staging {version} fails unless the artifact has one."
                for path in shared_files
                if path in lacking
            )
        else:
            _stage(layout, state, release, artifact, linked, files)
            warnings = layout.warnings()
        return ReleaseChange(
            True, before, after, version, current, "staged", pruned=pruned, warnings=warnings
        )


def _difference(known: Release | None, artifact: Artifact) -> str:
    """How what is asked for can be told from the release that is there, in words."""
    if known and (known.kind, known.origin, known.checksum) == (
        artifact.kind,
        artifact.origin,
        artifact.checksum,
    ):
        return f"from {artifact.origin} as before, but its content or its options are others"
    return f"from {artifact.origin}, checksum {artifact.checksum}"


def _too_much(
    layout: Layout,
    state: State,
    release: Release,
    artifact: Artifact,
    keep: int,
    at_most: int,
    check_mode: bool,
) -> tuple[str, ...]:
    """What will be superfluous once this release is good, and has to go before, for it needs the room."""
    room = free(layout.private)
    size, problem = None, None
    if check_mode or room < at_most:
        try:
            size = artifact.look_up()
        except StrataError as error:
            # Not what fetches it has been asked, which may do better, or else says what is wrong.
            problem = error
    if problem and check_mode:
        raise problem
    if room >= at_most:
        return ()
    former = max(state.releases.values(), key=lambda each: each.staged_at, default=None)
    needed = max(size or 0, (former.size or 0) if former else 0)
    if room >= needed:
        return ()
    if problem:
        raise problem
    current = layout.current()
    planned = replace(state.put(release).good(release.version, None), intent=state.intent)
    target = state.last_good(state.left(current))
    found = superfluous(planned, current, keep, besides=(target, release.version))
    # An earlier Strata did not record sizes.
    freed = sum(state.releases[version].size or _size(layout.release(version)) for version in found)
    if room + freed < needed:
        without = f", and {shown(freed)} more without {', '.join(found)}" if found else ""
        raise StrataError(
            f"Staging {release.version} under {layout.root}: it needs about {shown(needed)}, and {shown(room)} are free"
            f" there{without}. Make room, or keep fewer releases; nothing was fetched."
        )
    return found


def _stage(
    layout: Layout,
    state: State,
    release: Release,
    artifact: Artifact,
    shared: SharedPaths,
    files: tuple[RenderedFile, ...],
) -> None:
    incoming = layout.incoming()
    try:
        folder, scratch, copies = incoming / "release", incoming / "scratch", incoming / "copies"
        folder.mkdir()
        folder.chmod(0o755)
        scratch.mkdir()
        copies.mkdir()
        found = artifact.stage(folder, scratch)
        own_folder = getattr(PROVIDERS.get(artifact.kind), "OWN_FOLDER", False)
        lacking = shared.link(layout, folder, copies, own_folder=own_folder)
        write(folder, files)
        # Last, because what is under shared/ stays there when staging fails.
        put(layout, folder, lacking)
        # A release must not be half there after a power cut.
        sync_filesystem(folder)
        intended = save(layout.state, replace(state, replacing=release.version))
        remove(layout, state, release.version)
        folder.rename(layout.release(release.version))
        sync_directory(layout.releases)
        done = replace(release, digests=found, size=_size(layout.release(release.version)))
        save(layout.state, replace(intended.put(done), replacing=None))
    finally:
        layout.delete(incoming)


def _size(folder: Path) -> int:
    """Bytes of all files, those with several names once."""
    sizes = {}
    for parent, _folders, names in os.walk(folder):
        for name in names:
            found = os.lstat(os.path.join(parent, name))
            sizes[found.st_ino] = found.st_size
    return sum(sizes.values())
