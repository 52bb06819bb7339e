# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add the remark of an order, which takes the place of its note.

Revision ID: b2f6d8130c5a
Revises: a10c4e7b92d3
Create Date: 2026-02-10 09:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "b2f6d8130c5a"
down_revision = "a10c4e7b92d3"
branch_labels = ("expand",)
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("remark", sa.String(200)))


def downgrade() -> None:
    op.drop_column("orders", "remark")
