# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Index customers by their name.

Revision ID: d4719ea5f06b
Revises: b2f6d8130c5a
Create Date: 2026-02-11 09:00:00
"""

from alembic import op

revision = "d4719ea5f06b"
down_revision = "b2f6d8130c5a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("customers_name", "customers", ["name"])


def downgrade() -> None:
    op.drop_index("customers_name", "customers")
