# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from django.db import migrations


class Migration(migrations.Migration):
    """For the contract phase: releases before 2.0 read the note."""

    dependencies = [("shop", "0004_fill_order_currency")]
    operations = [
        migrations.RemoveField("order", "note"),
    ]
