# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of variables is blotted out of what a command says, and what is not."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.secrecy import Secrets


@pytest.mark.parametrize(
    ("name", "value", "said", "shown"),
    [
        ("DB_PASSWORD", "hunter22\n", "mysql -phunter22", "mysql -p********"),
        ("DB_PASSWORD", "p@ss", "as p@ss, compass", "as ********, compass"),
        ("LICENCE", "first line\n  second line\n", "by second line.", "by ********."),
        ("DSN", "postgresql://me@db/x?password=hunter55&sslmode=on", "got hunter55x", "got ********x"),
        ("DSN", "jdbc:postgresql://me:hunter44@db/x", "got hunter44x", "got ********x"),
        ("DSN", "amqp://me:hunter%3444@db/x", "got hunter444x hunter%3444", "got ********x ********"),
        ("DSN", "host=db password='hunter 66' user=me", "got hunter 66x as me", "got ********x as me"),
        ("DSN", "host=db password=hunter77", "got hunter77x", "got ********x"),
        ("API_KEY", "abcdef12", "key=abcdef12", "key=********"),
        ("CREDENTIALS", '{\n "id": "hunter88"\n}\n', 'in {}: "id": "hunter88"', "in {}: ********"),
        ("PASSENGER_APP_ENV", "production", "0002_productions", "0002_productions"),
        ("REGION", "europe", "in europe, european-1", "in ********, european-1"),
        ("APP", "shop", "0007_shop_products of shop", "0007_shop_products of shop"),
        ("APP", "orders", "0007_orders_products, db-orders", "0007_orders_products, db-orders"),
        ("KINTO_INI", "/etc/kinto/kinto.ini", "no /etc/kinto/kinto.ini", "no /etc/kinto/kinto.ini"),
        ("PORT", "5432", "port 5432", "port 5432"),
        ("ANY", "x", "to https://me:other@db/x", "to https://***@db/x"),
    ],
)
def test_what_is_blotted_out(name: str, value: str, said: str, shown: str) -> None:
    assert Secrets({name: value}).conceal(said) == shown


def test_a_secret_that_is_a_part_of_another_leaves_nothing_of_it() -> None:
    secrets = Secrets({"PASSWORD": "hunter22", "SECRET": "hunter22-and-more"})
    assert secrets.conceal("hunter22-and-more hunter22") == "******** ********"


def test_passwords_are_what_no_answer_may_hold() -> None:
    environment = {"A": "shop-of-mine", "B_TOKEN": "hunter22", "C": "a://me:hunter33@b/c", "PASS": "short"}
    found = {"hunter22", "hunter33", "a://me:hunter33@b/c", "bWU6aHVudGVyMzM="}
    assert Secrets(environment).passwords == found
