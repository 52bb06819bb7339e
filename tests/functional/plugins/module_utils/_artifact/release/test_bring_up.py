# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of a service that brings up a process cannot tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import (
    service_options,
)

COMMAND: dict[str, Any] = {"manager": "command", "name": "shop", "commands": {"restart": ["true"]}}


def test_an_activation_warns_of_what_it_cannot_tell(
    root: Path, stage: Callable[..., Any], tmp_path: Path
) -> None:
    stage("2.0")
    said = tmp_path / "said"
    commands = {"restart": ["sh", "-c", f"echo $STRATA_VERSION $(readlink -f .) > {said}"]}
    how = Activation(service_options({**COMMAND, "commands": commands}))
    done = ensure_active(str(root), "2.0", how)
    assert said.read_text().split() == ["2.0", str((root / "releases/2.0").resolve())]
    assert done.service == {"name": "shop", "manager": "command", "state": "unknown", "pid": None}
    assert ["cannot be told" in each for each in done.warnings] == [True]
    assert not ensure_active(str(root), "2.0", how).changed
