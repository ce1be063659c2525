"""How long evidence that is unsettled is put up with, and what happens then."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from controller.resource.fields import Duration
from controller.resource.problems import Problem


class Then(StrEnum):
    """What happens when evidence stays unsettled until its deadline."""

    HOLD = "Hold"
    ARCHIVE = "Archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How long one kind of unsettled verdict is put up with, and what happens then."""

    deadline_seconds: Duration = 86_400
    """Seconds since evidence was last settled."""
    then: Then = Then.HOLD
    """Hold on, or archive the version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """A limit for each verdict that neither promotes nor rolls back."""

    inconclusive: Limit = Limit()
    """The interval of a value contains its limit."""
    no_data: Limit = Limit()
    """There are too few samples."""
    error: Limit = Limit()
    """The source does not answer."""

    def shorter_than(self, seconds: int, what: str) -> Iterator[Problem]:
        """Deadlines that pass before anything can be measured, as problems with paths below this block."""
        for name, limit in (("inconclusive", self.inconclusive), ("noData", self.no_data), ("error", self.error)):
            if limit.deadline_seconds < seconds:
                yield Problem(
                    ("patience", name, "deadlineSeconds"),
                    f"{limit.deadline_seconds} s is shorter than {what} of {seconds} s: there would be no second look",
                )
