"""The two tables: answers that were shown, and what users did with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "answers",
        sa.Column("recommendation_id", sa.String(200), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.String(128)),
        sa.Column("user", sa.String(64)),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("shown", sa.JSON, nullable=False),
    )
    op.create_table(
        "feedback",
        sa.Column("feedback_id", sa.String(200), primary_key=True),
        sa.Column("recommendation_id", sa.String(200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.String(128)),
        sa.Column("user", sa.String(64)),
        sa.Column("clicked", sa.JSON, nullable=False),
        sa.Column("cooked", sa.JSON, nullable=False),
        sa.Column("ratings", sa.JSON, nullable=False),
    )
    for table in ("answers", "feedback"):
        op.create_index(f"{table}_at", table, ["at"])
        op.create_index(f"{table}_user", table, ["user"])
    op.create_index("feedback_recommendation", "feedback", ["recommendation_id"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("feedback")
    op.drop_table("answers")
