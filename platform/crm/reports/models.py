"""Who gets the weekly report by mail, and when."""

from datetime import time
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class WeeklyReport(Base):
    """`whose` is a member who has chosen, or a role for all of its members who have not. `weekday` is 0 for Monday to
    6, at `hour` of the member's own clock; None: no report."""

    __tablename__ = "weekly_report"
    __table_args__ = (CheckConstraint("weekday between 0 and 6", name="weekday"),)

    whose: Mapped[UUID] = mapped_column(primary_key=True)
    weekday: Mapped[int | None]
    hour: Mapped[time]
