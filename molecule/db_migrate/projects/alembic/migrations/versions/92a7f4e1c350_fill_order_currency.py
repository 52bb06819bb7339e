# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill the currency of the orders that have none.

It asks the database what there is to fill, so no SQL can be printed for it.

Revision ID: 92a7f4e1c350
Revises: c6e83b0f4d17
Create Date: 2026-03-02 09:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "92a7f4e1c350"
down_revision = "c6e83b0f4d17"
branch_labels = None
depends_on = None

orders = sa.table("orders", sa.column("id"), sa.column("currency"))


def upgrade() -> None:
    connection = op.get_bind()
    unfilled = connection.scalars(sa.select(orders.c.id).where(orders.c.currency.is_(None))).all()
    for order in unfilled:
        connection.execute(sa.update(orders).where(orders.c.id == order).values(currency="EUR"))


def downgrade() -> None:
    op.execute(sa.update(orders).values(currency=None))
