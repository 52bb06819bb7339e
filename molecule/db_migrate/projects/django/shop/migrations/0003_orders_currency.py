# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""-- strata: allow=add-index because there are a few hundred orders"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_order_currency")]
    operations = [
        migrations.AddIndex("order", models.Index(fields=["currency"], name="orders_currency")),
    ]
