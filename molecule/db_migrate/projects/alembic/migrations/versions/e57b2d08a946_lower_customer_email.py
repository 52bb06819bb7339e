# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write e-mail addresses in lower case; how they were written before is not kept.

Revision ID: e57b2d08a946
Revises: 92a7f4e1c350
Create Date: 2026-03-03 09:00:00
"""

from alembic import op

revision = "e57b2d08a946"
down_revision = "92a7f4e1c350"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE customers SET email = lower(email)")


def downgrade() -> None:
    pass
