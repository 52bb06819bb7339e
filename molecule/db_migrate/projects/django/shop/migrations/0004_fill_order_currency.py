# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from django.db import migrations


def fill(apps, schema_editor):
    apps.get_model("shop", "Order").objects.filter(currency=None).update(currency="EUR")


class Migration(migrations.Migration):
    """It has no way back: which orders had no currency is not kept."""

    dependencies = [("shop", "0003_orders_currency")]
    operations = [
        migrations.RunPython(fill),
    ]
