# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of the README on one fleet, in this order: each test leaves what the next one finds."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
from pathlib import Path
from typing import Any

import pytest
from operator_desk import HOSTS, Demo, Run, wait_until

ADD_CURRENCY = "20260302100000_add_order_currency.sql"


def everywhere(version: str) -> dict[str, str]:
    return dict.fromkeys(HOSTS, version)


def test_the_demo_deploys_two_releases_under_load_and_loses_nothing(demo: Demo) -> None:
    summary = json.loads((demo.state / "summary.json").read_text())
    assert summary["requests"] > 500
    assert summary["writes"] > 200
    assert (summary["failed"], summary["writes_lost"]) == (0, 0)
    assert summary["releases"] == everywhere("2.0") == demo.releases()
    assert set(summary["seconds"]) == {"database", "artifact", "fleet", "feature"}
    assert demo.flags()["billing-integration"]["defaultVariant"] == "on"
    assert "currency" in [
        row[0]
        for row in demo.query(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'orders'"
        )
    ]


def test_a_deployment_costs_three_executions_a_host_and_few_others(demo: Demo) -> None:
    plays = json.loads((demo.state / "timing.json").read_text())["plays"]
    assert sum(play["remote"] for play in plays) >= 3 * len(HOSTS)
    ran = sum(play["remote"] + play["local"] for play in plays)
    # Of the others, 8 confirm the lock, once a batch, migration and flag step, and 4 judge what came of it.
    assert ran - 3 * len(HOSTS) <= 35
    assert sum(play["skipped"] for play in plays) <= 4


def test_the_same_release_again_changes_nothing(demo: Demo) -> None:
    before = demo.fingerprint()
    run = demo.deploy("2.0")
    assert (run.code, run.changed) == (0, 0), run.output
    assert demo.fingerprint() == before


def test_status_shows_what_runs_where(demo: Demo) -> None:
    run = demo.play("status.yml")
    assert (run.code, run.changed) == (0, 0)
    for host in HOSTS:
        state = "-" if host == "worker1" else "ready"
        assert re.search(rf"^{host} +2\.0 +\d{{4}}-\S+Z +{state} +healthy$", run.report, re.MULTILINE), (
            run.report
        )
    assert "database  20260302100000" in run.report
    assert "features  billing-integration on" in run.report


def test_a_release_that_is_unhealthy_ends_at_the_canary_unnoticed(demo: Demo) -> None:
    before = demo.processes()
    with demo.load() as load:
        run = demo.deploy("3.0-broken")
    load.assert_nobody_noticed()
    assert set(load.result["served"]) == {"2.0"}
    assert run.code != 0
    assert "FAILED in the fleet layer" in run.report
    assert re.search(r"activating the release on web1: .*status 500 instead of 200", run.report)
    assert "put back       2.0 on web1" in run.report
    assert "not touched    2.0 on web2, web3, web4, worker1" in run.report
    assert "running now    2.0 on web1, web2, web3, web4, worker1" in run.report
    assert demo.releases() == everywhere("2.0")
    assert demo.in_rotation() == ["web1", "web2", "web3", "web4"]
    after = demo.processes()
    assert {host: after[host] for host in HOSTS[1:]} == {host: before[host] for host in HOSTS[1:]}


def test_a_release_that_fails_a_journey_ends_after_the_canary_batch(demo: Demo) -> None:
    before = demo.processes()
    with demo.load() as load:
        run = demo.deploy("3.1-journey")
    load.assert_nobody_noticed()
    assert "3.1-journey" in load.result["served"]
    assert run.code != 0
    assert re.search(r"the analysis after the batch on web1: .*/total_cents", run.report)
    assert "put back       2.0 on web1" in run.report
    assert demo.releases() == everywhere("2.0")
    after = demo.processes()
    assert {host: after[host] for host in HOSTS[1:]} == {host: before[host] for host in HOSTS[1:]}
    assert not (demo.state / "deployment/shop/lock.json").exists()


def test_a_hook_that_fails_on_the_canary_is_a_failed_activation_and_unnoticed(
    demo: Demo, tmp_path: Path
) -> None:
    hook = tmp_path / "fill-cache.yml"
    hook.write_text("- name: Fill the cache\n  ansible.builtin.fail: {msg: the cache is full}\n")
    with demo.load() as load:
        run = demo.deploy("3.0-broken", "-e", json.dumps({"artifact_hooks": {"after_link": str(hook)}}))
    load.assert_nobody_noticed()
    assert run.code != 0
    assert "Fill the cache: the cache is full" in run.report
    assert demo.releases() == everywhere("2.0")
    assert demo.in_rotation() == ["web1", "web2", "web3", "web4"]
    assert not (demo.state / "deployment/shop/lock.json").exists()


def test_a_canary_left_by_halt_is_rolled_back_alone(demo: Demo) -> None:
    with demo.load() as load:
        halted = demo.deploy("3.0-broken", "-e", "fleet_rolling_policy=halt")
        assert halted.code != 0
        assert "out of rotation on lb1: web1" in halted.report
        assert "3.0-broken (failed) on web1" in halted.report
        assert demo.in_rotation() == ["web2", "web3", "web4"]
        before = demo.processes()
        run = demo.play("rollback.yml", "-e", "layer=artifact")
    load.assert_nobody_noticed()
    assert run.code == 0, run.output
    assert demo.releases() == everywhere("2.0")
    assert demo.in_rotation() == ["web1", "web2", "web3", "web4"]
    after = demo.processes()
    assert {host: after[host] for host in HOSTS[1:]} == {host: before[host] for host in HOSTS[1:]}


def test_a_rollback_to_a_release_that_is_not_there_touches_nothing(demo: Demo) -> None:
    before = demo.fingerprint()
    run = demo.play("rollback.yml", "-e", "layer=artifact", "-e", "artifact_version=9.9")
    assert run.code != 0
    assert "cannot go back to 9.9" in run.report
    assert demo.fingerprint() == before


def unreachable(tmp_path: Path, host: str) -> list[str]:
    """Arguments that make a host one that does not answer."""
    inventory = tmp_path / "unreachable.ini"
    inventory.write_text(f"{host} ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1\n")
    return ["-i", str(inventory)]


def test_a_host_that_does_not_answer_is_told_before_anything_changes(demo: Demo, tmp_path: Path) -> None:
    before = demo.fingerprint()
    run = demo.deploy("3.0-broken", *unreachable(tmp_path, "web2"))
    assert run.code != 0
    assert "reading what runs there on web2: unreachable" in run.report
    assert demo.fingerprint() == before


def test_a_balancer_that_does_not_answer_is_told_before_anything_changes(demo: Demo, tmp_path: Path) -> None:
    before = demo.fingerprint()
    run = demo.deploy("3.0-broken", *unreachable(tmp_path, "lb1"))
    assert run.code != 0
    assert "reading the balancers: lb1: unreachable" in run.report
    assert demo.fingerprint() == before


GOOD = {"artifact_version": "9.9", "artifact_url": "{{ demo.artifacts_url }}/shop-2.0.tar.gz"}
CHECKSUM = "sha256:" + "0" * 64
BAD_INPUT: dict[str, tuple[dict[str, Any], str]] = {
    "no version": (
        {"artifact_url": GOOD["artifact_url"], "artifact_checksum": CHECKSUM},
        "No version is given",
    ),
    "a missing checksum": (GOOD, "No checksum is given"),
    "a checksum that does not match": ({**GOOD, "artifact_checksum": CHECKSUM}, "its checksum is sha256:"),
    "an artifact that is not there": (
        {**GOOD, "artifact_url": "{{ demo.artifacts_url }}/none.tar.gz", "artifact_checksum": CHECKSUM},
        "the server answered 404",
    ),
    "a misspelt group": (
        {**GOOD, "artifact_checksum": CHECKSUM, "deploy_fleet_group": "flet"},
        "no group 'flet' (deploy_fleet_group). Did you mean 'fleet'?",
    ),
    "an unknown option": (
        {**GOOD, "artifact_checksum": CHECKSUM, "artifact_cheksum": "x"},
        "Unknown option 'artifact_cheksum'. Did you mean 'artifact_checksum'?",
    ),
    "an option with a misspelt prefix": (
        {**GOOD, "artifact_checksum": CHECKSUM, "feature_flags_features": []},
        "Unknown option 'feature_flags_features'. Did you mean 'feature_flag_features'?",
    ),
    "an unknown option of a feature": (
        {**GOOD, "artifact_checksum": CHECKSUM, "feature_flag_features": [{"name": "x", "rolout": [5]}]},
        "rolout",
    ),
    "batches that are no list": (
        {**GOOD, "artifact_checksum": CHECKSUM, "fleet_rolling_batches": "50%"},
        "fleet_rolling_batches '50%' is not a list",
    ),
    "batches that the balancer cannot spare": (
        {**GOOD, "artifact_checksum": "unverified", "fleet_rolling_batches": ["100%"]},
        "would leave 0 of 4 members ready on lb1",
    ),
    "an unsafe version": (
        {**GOOD, "artifact_version": "../../x", "artifact_checksum": CHECKSUM},
        "not a safe folder name",
    ),
    "a version that YAML rounds": (
        {**GOOD, "artifact_version": 2.10, "artifact_checksum": CHECKSUM},
        "quote it",
    ),
    "a database that does not answer": (
        {
            "artifact_version": "2.0",
            "artifact_url": GOOD["artifact_url"],
            "artifact_checksum": "unverified",
            "db_migrate_url": "postgresql://shop:hunter2hunter2@127.0.0.1:1/shop",
        },
        "127.0.0.1",
    ),
    "a member that the balancer does not know": (
        {**GOOD, "artifact_checksum": "unverified", "fleet_rolling_member": "127.0.0.1:9"},
        "does not know the member '127.0.0.1:9'",
    ),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_told_before_anything_changes(demo: Demo, tmp_path: Path, case: str) -> None:
    manifest, said = BAD_INPUT[case]
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    before = demo.fingerprint()
    run = demo.play("deploy.yml", "-e", f"@{path}")
    assert run.code != 0
    assert said in run.output, run.output
    assert "Traceback" not in run.output
    assert "hunter2hunter2" not in run.output
    assert demo.fingerprint() == before


def test_a_flag_file_that_is_not_json_is_told_before_anything_changes(demo: Demo) -> None:
    path = demo.state / "flags" / "flags.json"
    text = path.read_text()
    before = demo.fingerprint()
    try:
        path.write_text("{oops")
        run = demo.deploy("3.0-broken")
    finally:
        path.write_text(text)
    assert run.code != 0
    assert "flags.json" in run.report
    assert "JSON" in run.report
    assert demo.fingerprint() == before


def test_a_lock_held_by_another_is_told_with_who_when_and_what(demo: Demo) -> None:
    lock = demo.state / "deployment/shop/lock.json"
    held = {
        "id": "20260101T000000Z",
        "version": "7.7",
        "user": "ada",
        "host": "bastion",
        "boot_id": "not-this-machine",
        "pid_ns": "pid:[1]",
        "pid": 1,
        "started": 1,
        "since": "2026-01-01T00:00:00Z",
        "note": "",
    }
    lock.write_text(json.dumps(held))
    try:
        run = demo.deploy("2.0")
        assert run.code != 0
        for part in (
            "ada",
            "bastion",
            "7.7",
            "2026-01-01T00:00:00Z",
            "deployment_break_lock=20260101T000000Z",
        ):
            assert part in run.output
        assert json.loads(lock.read_text()) == held
        broken = demo.deploy("2.0", "-e", "deployment_break_lock=20260101T000000Z")
        assert (broken.code, broken.changed) == (0, 0)
    finally:
        lock.unlink(missing_ok=True)


def test_rolling_back_the_feature_touches_nothing_else(demo: Demo) -> None:
    before = demo.fingerprint()
    run = demo.play("rollback.yml", "-e", "layer=feature")
    assert run.code == 0, run.output
    assert "billing-integration" not in demo.flags()
    after = demo.fingerprint()
    assert {key: after[key] for key in after if key != "flags"} == {
        key: before[key] for key in before if key != "flags"
    }
    again = demo.play("rollback.yml", "-e", "layer=feature")
    assert (again.code, again.changed) == (0, 0)


def test_rolling_back_the_database_is_refused_while_a_release_needs_it(demo: Demo) -> None:
    before = demo.fingerprint()
    limited = demo.play("rollback.yml", "-e", "layer=database", "--limit", "web2,localhost")
    assert limited.code != 0
    assert "What web1 runs was not read" in limited.report
    run = demo.play("rollback.yml", "-e", "layer=database")
    assert run.code != 0
    assert f"{ADD_CURRENCY} is refused: a running release needs it (2.0 on web1" in run.report
    assert demo.fingerprint() == before


def test_rolling_back_the_artifact_is_drained_and_batched_and_leaves_the_operator_s_drain_alone(
    demo: Demo,
) -> None:
    slot = demo.state / "pool" / "web3"
    address = slot.read_text()
    slot.write_text(f"unix//nonexistent/{address}")
    with demo.load() as load:
        run = demo.play("rollback.yml", "-e", "layer=artifact")
    assert demo.in_rotation() == ["web1", "web2", "web4"]
    slot.write_text(address)
    load.assert_nobody_noticed()
    assert run.code == 0, run.output
    assert demo.releases() == everywhere("1.0")
    assert run.output.count("PLAY [Fleet]") == 3
    assert "20260302100000" in demo.schema()


def test_rolling_back_the_database_undoes_the_last_expand_migration(demo: Demo) -> None:
    before = demo.fingerprint()
    refused = demo.play("rollback.yml", "-e", "layer=database")
    assert refused.code != 0
    assert "data would be lost" in refused.report
    assert demo.fingerprint() == before
    with demo.load() as load:
        run = demo.play("rollback.yml", "-e", "layer=database", "-e", "db_migrate_allow_data_loss=true")
    load.assert_nobody_noticed()
    assert run.code == 0, run.output
    assert f"rolled back {ADD_CURRENCY}" in run.report
    assert "20260302100000" not in demo.schema()


@pytest.mark.parametrize("layer", ["", "fleet", "everything"])
def test_a_layer_that_cannot_be_rolled_back_is_told(demo: Demo, layer: str) -> None:
    run = demo.play("rollback.yml", *(["-e", f"layer={layer}"] if layer else []))
    assert run.code != 0
    assert "Say which layer to roll back" in run.output


def test_a_check_tells_the_plan_of_every_layer_and_changes_nothing(demo: Demo) -> None:
    before = demo.fingerprint()
    run = demo.deploy("2.0", "--check", "--diff")
    assert run.code == 0, run.output
    assert f"pending: {ADD_CURRENCY}" in run.output
    for host in HOSTS:
        assert f"{host}: 1.0 -> 2.0" in run.output
    assert "billing-integration: absent -> 5% -> 25% -> 100%" in run.output
    assert "ADD COLUMN" in run.output.upper()
    assert demo.fingerprint() == before


def test_a_killed_deployment_is_put_right_by_the_next(demo: Demo) -> None:
    with demo.load() as load:
        process = demo.start("deploy.yml", "-e", "@demo/releases/shop-2.0.yml")
        wait_until(lambda: len(demo.in_rotation()) < 4, "a drain")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert (demo.state / "deployment/shop/lock.json").exists()
        run = demo.deploy("2.0")
    load.assert_nobody_noticed()
    assert run.code == 0, run.output
    assert demo.releases() == everywhere("2.0")
    assert demo.in_rotation() == ["web1", "web2", "web3", "web4"]
    assert not (demo.state / "deployment/shop/lock.json").exists()
    assert not (demo.state / "deployment/shop/drained.json").exists()


def test_a_broken_release_killed_half_way_and_tried_again_ends_where_it_began(demo: Demo) -> None:
    current = demo.state / "hosts" / "web1" / "current"
    with demo.load() as load:
        process = demo.start("deploy.yml", "-e", "@demo/releases/shop-3.0-broken.yml")
        wait_until(lambda: os.readlink(current).endswith("3.0-broken"), "the canary's switch")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        run = demo.deploy("3.0-broken")
    load.assert_nobody_noticed()
    assert run.code != 0
    assert demo.releases() == everywhere("2.0")
    assert demo.in_rotation() == ["web1", "web2", "web3", "web4"]


def test_what_a_dead_deployment_drained_is_put_back_though_the_next_does_something_else(demo: Demo) -> None:
    process = demo.start("deploy.yml", "-e", "@demo/releases/shop-3.0-broken.yml")
    wait_until(lambda: demo.in_rotation() == ["web2", "web3", "web4"], "the canary's drain")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with demo.load() as load:
        run = demo.deploy("2.0")
    load.assert_nobody_noticed()
    assert run.code == 0, run.output
    assert demo.releases() == everywhere("2.0")
    assert demo.in_rotation() == ["web1", "web2", "web3", "web4"]


def test_a_limit_without_localhost_is_told(demo: Demo) -> None:
    before = demo.fingerprint()
    run = demo.deploy("1.0", "--limit", "web1")
    assert run.code != 0
    assert "--limit web1,localhost" in run.output
    assert demo.fingerprint() == before


def test_a_flag_is_killed_by_hand_though_journeys_fail_and_a_host_is_gone(demo: Demo, tmp_path: Path) -> None:
    journeys = tmp_path / "journeys.json"
    steps = [{"name": "nowhere", "path": "/nowhere"}]
    journeys.write_text(json.dumps({"synthetic_journeys": [{"name": "fails", "steps": steps}]}))
    kill = ("-e", "feature=billing-integration", "-e", "percentage=0", "-e", f"@{journeys}")
    run = demo.play("feature.yml", *kill, *unreachable(tmp_path, "web2"))
    assert run.code == 0, run.output
    assert demo.flags()["billing-integration"]["defaultVariant"] == "off"
    back = demo.play("rollback.yml", "-e", "layer=feature")
    assert back.code == 0, back.output
    assert demo.flags()["billing-integration"]["defaultVariant"] == "on"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["feature=biling"], "There is no flag 'biling' to switch"),
        (["feature=billing-integration", "percentage=lots"], "lots"),
        ([], "There is nothing to switch"),
    ],
)
def test_a_flag_that_cannot_be_meant_is_told(demo: Demo, arguments: list[str], said: str) -> None:
    before = demo.flags()
    run = demo.play("feature.yml", *[word for pair in arguments for word in ("-e", pair)])
    assert run.code != 0
    assert said in run.output
    assert demo.flags() == before


def test_a_ramp_whose_journeys_cannot_be_walked_is_taken_back(demo: Demo, tmp_path: Path) -> None:
    demo.play("feature.yml", "-e", "feature=billing-integration", "-e", "percentage=5")
    before = demo.flags()
    manifest = ("-e", "@demo/releases/shop-2.0.yml", "-e", "synthetic_host=nowhere")
    run = demo.play("feature.yml", *manifest, *unreachable(tmp_path, "nowhere"))
    assert run.code != 0
    assert "billing-integration at 25%: unreachable" in run.report
    assert demo.flags() == before
    assert not (demo.state / "deployment/shop/lock.json").exists()
    assert demo.play("feature.yml", "-e", "@demo/releases/shop-2.0.yml").code == 0


def test_contract_waits_until_nobody_would_go_back_and_then_takes_the_old_column_away(demo: Demo) -> None:
    contract = ("playbooks/contract.yml", "-e", "@demo/releases/shop-2.0.yml")
    early = demo.play(*contract)
    assert early.code != 0
    assert "web1 would go back to 1.0, not 2.0 or later" in early.output
    allowed = ("-e", "db_migrate_allow_old_code=true")
    with demo.load() as load:
        run = demo.play(*contract, *allowed)
    load.assert_nobody_noticed()
    assert run.code == 0, run.output
    columns = demo.query("SELECT column_name FROM information_schema.columns WHERE table_name = 'orders'")
    assert "note" not in [row[0] for row in columns]
    assert demo.play(*contract, *allowed).changed == 0
    for back in (
        demo.deploy("1.0"),
        demo.play("rollback.yml", "-e", "layer=artifact"),
    ):
        assert back.code != 0
        assert "contracted for releases from 2.0 on, and 1.0 is an earlier one" in back.output
    assert demo.releases() == everywhere("2.0")


@pytest.fixture(scope="module")
def installed(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, and the collection installed in a place of its own."""
    folder = tmp_path_factory.mktemp("installed")
    build = demo.run(
        demo.tool("ansible-galaxy"), "collection", "build", "--output-path", str(folder), "--force"
    )
    assert build.code == 0, build.output
    (tarball,) = folder.glob("strata-deploy-*.tar.gz")
    install = demo.run(
        demo.tool("ansible-galaxy"),
        "collection",
        "install",
        str(tarball),
        "--offline",
        "-p",
        str(folder / "collections"),
        cwd=folder,
    )
    assert install.code == 0, install.output
    (folder / "empty").mkdir()
    return folder


def from_installed(demo: Demo, installed: Path, playbook: str, *arguments: str) -> Run:
    return demo.run(
        demo.tool("ansible-playbook"),
        f"strata.deploy.{playbook}",
        "-i",
        str(demo.root / "inventories/demo"),
        *arguments,
        cwd=installed / "empty",
        ANSIBLE_COLLECTIONS_PATH=str(installed / "collections"),
    )


def test_the_installed_collection_does_the_same_from_an_empty_folder(demo: Demo, installed: Path) -> None:
    manifest = f"@{demo.root}/demo/releases/shop-2.0.yml"
    again = from_installed(demo, installed, "deploy", "-e", manifest)
    assert (again.code, again.changed) == (0, 0), again.output
    broken = from_installed(
        demo, installed, "deploy", "-e", f"@{demo.root}/demo/releases/shop-3.0-broken.yml"
    )
    assert broken.code != 0
    assert "put back       2.0 on web1" in broken.output
    assert demo.releases() == everywhere("2.0")
    status = from_installed(demo, installed, "status")
    assert status.code == 0
    assert "web1     2.0" in status.output


def test_a_fleet_without_a_database_and_features_deploys(demo: Demo) -> None:
    layers = json.dumps({"deployment_layers": ["artifact", "fleet"], "deploy_db_group": "nothing"})
    run = demo.deploy("2.0", "-e", layers)
    assert (run.code, run.changed) == (0, 0), run.output


def test_each_layer_runs_alone(demo: Demo) -> None:
    for playbook in ("database", "artifact", "fleet"):
        run = demo.play(f"playbooks/{playbook}.yml", "-e", "@demo/releases/shop-2.0.yml")
        assert (run.code, run.changed) == (0, 0), run.output


def test_the_password_is_nowhere_to_be_seen(demo: Demo) -> None:
    url = (demo.state / "secrets" / "database_url").read_text().strip()
    password = re.fullmatch(r"postgresql://[^:]+:([^@]+)@.*", url).group(1)  # type: ignore[union-attr]
    verbose = demo.deploy("2.0", "-vvv", "--diff")
    assert verbose.code == 0
    assert not any(password in output for output in demo.outputs)
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(password.encode() in command for command in commands)
    found = set()
    for path in demo.state.rglob("*"):
        if (
            path.is_file()
            and not path.is_symlink()
            and os.access(path, os.R_OK)
            and path.stat().st_size < 1_000_000
            and password.encode() in path.read_bytes()
        ):
            assert not path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH), path
            found.add(path.name)
    assert found == {"database_url", "shop.json"}


def test_a_crashed_demo_heals_and_goes_down_whole(demo: Demo) -> None:
    pids = demo.processes()
    supervisor = int((demo.state / "run" / "supervisord.pid").read_text())
    for pid in (supervisor, pids["caddy"], pids["web1"]):
        os.kill(pid, signal.SIGKILL)
    again = demo.run("make", "demo")
    assert again.code == 0, again.output
    summary = json.loads((demo.state / "summary.json").read_text())
    assert (summary["failed"], summary["writes_lost"]) == (0, 0)
    pids = demo.processes()
    assert all(Path(f"/proc/{pids[name]}").exists() for name in (*HOSTS, "caddy"))
    down = demo.run("make", "demo-down")
    assert down.code == 0
    wait_until(
        lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids.values() if pid),
        "the end of all processes",
    )
