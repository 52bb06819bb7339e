# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process supervisor's configuration."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

from demo import supervisor


def render(program: supervisor.Program) -> configparser.SectionProxy:
    text = supervisor.render([program], socket=Path("/s"), logs="../logs")
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return parser[parser.sections()[-1]]


def test_a_program_keeps_spaces_and_percent_signs_of_its_paths() -> None:
    program = supervisor.Program("web1", ("/my 100%/python", "x"), Path("/my 100%"), autostart=False)
    section = render(program)
    # supervisord expands %(name)s, so %% is its percent sign; then it splits as a shell would.
    assert shlex.split(section["command"].replace("%%", "%")) == ["/my 100%/python", "x"]
    assert section["directory"] == "/my 100%%"
    assert section["autostart"] == "false"
    assert "user" not in section


def test_a_program_can_run_as_another_user_and_stop_by_another_signal() -> None:
    program = supervisor.Program("postgres", ("x",), Path("/"), True, user="nobody", stop_signal="INT")
    section = render(program)
    assert (section["user"], section["stopsignal"]) == ("nobody", "INT")
