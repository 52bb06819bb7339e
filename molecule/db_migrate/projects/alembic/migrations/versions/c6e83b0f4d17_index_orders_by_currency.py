# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Index orders by their currency.

PostgreSQL builds the index without keeping writers out, which it does outside a transaction alone.

Revision ID: c6e83b0f4d17
Revises: 1d95c7a2b864
Create Date: 2026-02-11 09:00:00
"""

from alembic import op

revision = "c6e83b0f4d17"
down_revision = "1d95c7a2b864"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("orders_currency", "orders", ["currency"], postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_index("orders_currency", "orders")
