# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create orders.

Revision ID: 8b42d6e9f013
Revises: 3f0a1c5d7e21
Create Date: 2026-01-06 09:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "8b42d6e9f013"
down_revision = "3f0a1c5d7e21"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Integer, sa.ForeignKey("customers.id"), nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("note", sa.String(200)),
    )


def downgrade() -> None:
    op.drop_table("orders")
