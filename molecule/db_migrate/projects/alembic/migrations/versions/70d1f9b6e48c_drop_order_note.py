# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop the note of an order, which no release since 2.0 reads.

-- strata: phase=contract

Revision ID: 70d1f9b6e48c
Revises: e57b2d08a946
Create Date: 2026-04-01 09:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "70d1f9b6e48c"
down_revision = "e57b2d08a946"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("orders", "note")


def downgrade() -> None:
    op.add_column("orders", sa.Column("note", sa.String(200)))
