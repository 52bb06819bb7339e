# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from django.db import models
from shop.models import Order


class Invoice(models.Model):
    order = models.OneToOneField(Order, models.PROTECT)
    paid_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "invoices"
