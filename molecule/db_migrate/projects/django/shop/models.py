# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=200)

    class Meta:
        db_table = "customers"


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.PROTECT)
    total = models.IntegerField()
    currency = models.CharField(max_length=3, null=True)

    class Meta:
        db_table = "orders"
        indexes = [models.Index(fields=["currency"], name="orders_currency")]
