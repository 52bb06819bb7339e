# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add the currency of an order.

Revision ID: 1d95c7a2b864
Revises: 8b42d6e9f013
Create Date: 2026-02-10 09:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "1d95c7a2b864"
down_revision = "8b42d6e9f013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("currency", sa.String(3)))


def downgrade() -> None:
    op.drop_column("orders", "currency")
