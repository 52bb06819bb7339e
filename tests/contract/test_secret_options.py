# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option that can have a secret is one that Ansible writes into no log, and that a provider's dictionary does not show."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses import PROVIDERS as ANALYSES
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import PROVIDERS as KINDS
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import PROVIDERS as DATABASES

PACKAGE = "ansible_collections.strata.deploy.plugins.modules"
MODULES = sorted(
    path.stem
    for path in (Path(__file__).resolve().parents[2] / "plugins/modules").glob("*.py")
    if "AnsibleModule(" in path.read_text(encoding="utf-8")
)
MAY_BE_SECRET = re.compile(
    r".*(password|passwd|secret|token|credential|environment|headers|content)|url|.*_url|body|json|connection|service|balancer"
    r"|container|quiesce|options|kind_options|source_options|signature|health|analyses|journeys|files|replicas|archive|checksum"
)
NOT_SECRET = {"password_file", "version_header"}
SHOWN_BY_THE_KIND = {"environment", "labels", "command", "options"}
"""What `Installer.shown` of a container replaces."""


class _Declared(Exception):  # noqa: N818 (it is no error)
    """Ends a module with what it declares."""


def argument_spec(module: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    loaded = importlib.import_module(f"{PACKAGE}.{module}")

    def declare(*_arguments: Any, argument_spec: dict[str, Any], **_options: Any) -> None:
        raise _Declared(argument_spec)

    monkeypatch.setattr(loaded, "AnsibleModule", declare)
    with pytest.raises(_Declared) as raised:
        loaded.main()
    found: dict[str, Any] = raised.value.args[0]
    return found


def open_options(options: Mapping[str, Any], inside: str = "") -> Iterator[str]:
    """The options that may have a secret, and that neither they nor a dictionary around them declare ``no_log``."""
    for name, declared in options.items():
        if declared.get("no_log"):
            continue
        if MAY_BE_SECRET.fullmatch(name) and name not in NOT_SECRET and declared.get("type") != "bool":
            yield inside + name
        yield from open_options(declared.get("options") or {}, f"{inside}{name}.")


@pytest.mark.parametrize("module", MODULES)
def test_no_option_of_a_module_is_logged_that_can_have_a_secret(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(open_options(argument_spec(module, monkeypatch))) == []


@pytest.mark.parametrize("provider", [*ANALYSES.values(), *DATABASES.values()], ids=lambda each: each.NAME)
def test_no_option_of_a_provider_is_shown_that_can_have_a_secret(provider: Any) -> None:
    # A journey as a whole is shown, and what it expects of an answer as well.
    shown = [name for name in open_options(provider.OPTIONS) if name != "journeys" and ".expect." not in name]
    assert shown == []


def test_what_a_container_is_made_with_is_not_shown() -> None:
    given = {name: ["s3cret"] for name in SHOWN_BY_THE_KIND} | {
        "environment": {"A": "s3cret"},
        "labels": {"a": "s3cret"},
    }
    assert "s3cret" not in repr(KINDS["container"].shown(given))
