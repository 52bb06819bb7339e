# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.flagd import Flagd
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.protocol import FlagState

BOOLEAN = {"on": True, "off": False}
ON = {"state": "ENABLED", "variants": BOOLEAN, "defaultVariant": "on"}
OFF = {"state": "ENABLED", "variants": BOOLEAN, "defaultVariant": "off"}


def split(*weights: object) -> dict[str, Any]:
    return {**OFF, "targeting": {"fractional": list(weights)}}


def flagd(path: Path, document: object = None) -> Flagd:
    if document is not None:
        path.write_text(document if isinstance(document, str) else json.dumps(document))
    return Flagd({"path": str(path)})


def write(provider: Flagd, definitions: Mapping[str, Any]) -> None:
    with provider.alone():
        provider.write(definitions)


@pytest.mark.parametrize(
    ("definition", "state", "percentage"),
    [
        (None, "absent", 0.0),
        (ON, "on", 100.0),
        (OFF, "off", 0.0),
        ({**ON, "targeting": {}}, "on", 100.0),
        ({**ON, "state": "DISABLED"}, "off", 0.0),
        (split(["on", 5], ["off", 95]), "partial", 5.0),
        (split(["on", 1], ["off", 2]), "partial", 33.333),
        (split(["on", 7], ["off", 0]), "on", 100.0),
        (split(["on", 0], ["off", 7]), "off", 0.0),
        (split(["on", 0], ["off", 0]), "custom", None),
        (split(["on"], ["off"]), "custom", None),
        (split({"var": "email"}, ["on", 5], ["off", 95]), "custom", None),
        (split(["on", 5], ["off", 90], ["beta", 5]), "custom", None),
        ({**OFF, "targeting": {"if": [{"ends_with": [{"var": "email"}, "@us"]}, "on"]}}, "custom", None),
        ({**OFF, "targeting": {"fractional": {"var": "x"}}}, "custom", None),
        ({**OFF, "defaultVariant": "beta"}, "custom", None),
        ({**OFF, "defaultVariant": ["on"]}, "custom", None),
        ({**OFF, "defaultVariant": None}, "custom", None),
        (split(["on", "5"], ["off", 95]), "custom", None),
        (split(["on", True], ["off", 1]), "custom", None),
        (split(["on", -5], ["off", 10]), "custom", None),
        (split(["on", 10**400], ["off", 10**400]), "custom", None),
        (split(["on", float("nan")], ["off", 1]), "custom", None),
        (split([["on"], 5], ["off", 95]), "custom", None),
        ({**OFF, "targeting": ["fractional"]}, "custom", None),
        ({**OFF, "targeting": "fractional"}, "custom", None),
        ({"state": "ENABLED", "variants": BOOLEAN}, "custom", None),
    ],
)
def test_a_definition_is_told_in_the_words_of_an_operator(
    definition: Mapping[str, Any] | None, state: Any, percentage: float | None
) -> None:
    assert Flagd({"path": "/flags.json"}).describe(definition) == FlagState(state, percentage)


@pytest.mark.parametrize(
    ("definition", "percentage", "revised"),
    [
        (None, 100, ON),
        (None, 0, OFF),
        (ON, 0, OFF),
        ({**OFF, "state": "DISABLED"}, 100, ON),
        (ON, 5, split(["on", 5], ["off", 95])),
        (OFF, 0.5, split(["on", 500], ["off", 99500])),
        (OFF, 33.333, split(["on", 33333], ["off", 66667])),
        (split(["on", 5], ["off", 95]), 100, ON),
        (
            {
                "variants": {"on": "v2", "off": "v1", "x": "v0"},
                "metadata": {"team": "shop"},
                "targeting": {"var": "x"},
            },
            0,
            {
                "variants": {"on": "v2", "off": "v1", "x": "v0"},
                "metadata": {"team": "shop"},
                "state": "ENABLED",
                "defaultVariant": "off",
            },
        ),
    ],
)
def test_a_definition_is_revised_and_keeps_the_rest(
    definition: Mapping[str, Any] | None, percentage: float, revised: Mapping[str, Any]
) -> None:
    before = json.dumps(definition)
    provider = Flagd({"path": "/flags.json"})
    assert provider.revise("f", definition, percentage) == revised
    assert provider.revise("f", revised, percentage) == revised
    assert provider.describe(revised).percentage == percentage
    assert json.dumps(definition) == before


@pytest.mark.parametrize(
    ("variants", "listed"),
    [({"true": True, "false": False}, "true, false"), (None, "none"), ({"on": 1}, "on")],
)
def test_a_flag_without_the_variants_on_and_off_is_refused(variants: Any, listed: str) -> None:
    with pytest.raises(StrataError, match=f"Flag 'f' in .* has the variants {listed};"):
        Flagd({"path": "/flags.json"}).revise("f", {"state": "ENABLED", "variants": variants}, 100)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "not valid JSON"),
        ("flags:\n  a: {}", "not valid JSON"),
        ("[]", "not a flagd document"),
        ("{}", "not a flagd document"),
        ('{"flags": []}', "not a flagd document"),
        ('{"flags": {"a": true}}', "not a flagd document"),
        ("\xff".encode("latin-1"), "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_file_that_holds_no_flags_is_an_error_that_names_it(tmp_path: Path, text: Any, error: str) -> None:
    path = tmp_path / "flags.json"
    content = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(content)
    for deed in (flagd(path).read, lambda: write(flagd(path), {"a": ON})):
        with pytest.raises(StrataError, match=error) as failure:
            deed()
        assert str(path) in str(failure.value)
    assert path.read_bytes() == content


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    with pytest.raises(StrataError, match=f"Reading the flag file {path}: it does not exist"):
        flagd(path).read()
    with pytest.raises(StrataError, match=f"Writing the flag file {path}: No such file"):
        write(flagd(path), {"a": ON})
    assert not path.exists()


@pytest.mark.parametrize("path", ["", "flags.json"])
def test_the_path_is_absolute(path: str) -> None:
    with pytest.raises(StrataError, match="absolute path"):
        Flagd({"path": path}).validate()


def test_writing_sets_and_removes_flags_and_keeps_everything_else(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    provider = flagd(
        path,
        {
            "$schema": "https://flagd.dev/schema/v0/flags.json",
            "metadata": {"größe": "ü"},
            "flags": {"z": ON, "a": {"unknown": [1.5, None]}, "gone": ON},
            "$evaluators": {"us": {"in": ["US", {"var": "country"}]}},
        },
    )
    path.chmod(0o640)
    write(provider, {"z": OFF, "gone": None, "new": ON})
    document = json.loads(path.read_text())
    assert list(document) == ["$schema", "metadata", "flags", "$evaluators"]
    assert document["flags"] == {"z": OFF, "a": {"unknown": [1.5, None]}, "new": ON}
    assert list(document["flags"]) == ["z", "a", "new"]
    assert '\n  "metadata": {\n    "größe": "ü"\n  },\n' in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["flags.json"]


def test_half_of_a_surrogate_pair_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    path.write_text('{"flags": {"a": {"metadata": {"\\ud800": "ü"}}}}')
    write(flagd(path), {"new": ON})
    assert json.loads(path.read_text())["flags"]["a"] == {"metadata": {"\ud800": "ü"}}


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    flagd(tmp_path / "real" / "flags.json", {"flags": {}})
    link = tmp_path / "flags.json"
    link.symlink_to("real/flags.json")
    write(flagd(link), {"f": ON})
    assert link.is_symlink()
    assert flagd(tmp_path / "real" / "flags.json").read() == {"f": ON}


def test_writers_at_the_same_time_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    flagd(path, {"flags": {}})
    start = threading.Barrier(4)

    def write_ten(writer: int) -> None:
        start.wait(5)
        for number in range(10):
            write(flagd(path), {f"{writer}-{number}": ON})

    writers = [threading.Thread(target=write_ten, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(flagd(path).read()) == 40


@pytest.mark.parametrize("locked", ["flags.json", "."])
def test_what_cannot_be_written_is_seen_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: str
) -> None:
    provider = flagd(tmp_path / "flags.json", {"flags": {}})
    # Not by the mode of the file, for root may write whatever it is.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path / locked)
    with pytest.raises(StrataError, match=r"Writing the flags a, b: .* cannot be written"):
        provider.ensure_writable(["a", "b"])
    monkeypatch.setattr(os, "access", lambda path, mode: True)
    provider.ensure_writable(["a", "b"])


def test_a_refused_write_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = flagd(tmp_path / "flags.json", {"flags": {}})
    monkeypatch.setattr(os, "access", lambda *_args: False)
    with pytest.raises(StrataError, match="cannot be written"):
        provider.ensure_writable(["a"])

    def refuse(*_args: object, **_kwargs: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(StrataError, match="Read-only file system"):
        write(provider, {"a": ON})
    assert provider.read() == {}
