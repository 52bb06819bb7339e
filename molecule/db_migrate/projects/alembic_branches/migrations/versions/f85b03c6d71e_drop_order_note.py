# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop the note of an order, once the remark has taken its place.

Revision ID: f85b03c6d71e
Revises: a10c4e7b92d3
Create Date: 2026-03-02 09:00:00
"""

import sqlalchemy as sa
from alembic import op

revision = "f85b03c6d71e"
down_revision = "a10c4e7b92d3"
branch_labels = ("contract",)
depends_on = "b2f6d8130c5a"


def upgrade() -> None:
    op.drop_column("orders", "note")


def downgrade() -> None:
    op.add_column("orders", sa.Column("note", sa.String(200)))
