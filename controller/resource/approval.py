"""`ModelApproval`: one person's decision on one artefact and one set of results."""

from dataclasses import dataclass
from enum import StrEnum

from controller.resource.fields import Digest, DnsLabel, LongText, SemVer, ShortText
from controller.resource.meta import Meta
from controller.resource.problems import Broken, Problem


class Choice(StrEnum):
    """What the person decided."""

    APPROVE = "Approve"
    REJECT = "Reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalSpec:
    """Who decided what about which bytes. An approval also names the results it was given on; a rejection need not."""

    model: DnsLabel
    """Name of the Model."""
    version: SemVer
    """Version that is decided about."""
    decision: Choice
    """What was decided."""
    approver: ShortText
    """Who decides; the API accepts only the name of the caller."""
    digest: Digest
    """The artefact's, as the version's status has it."""
    results_hash: Digest | None = None
    """Of the results that were seen, as the version's status has it; an approval needs it."""
    reason: LongText = ""
    """Why, in words; kept in the history."""

    def __post_init__(self) -> None:
        """Refuse an approval of results that it does not name."""
        if self.decision is Choice.APPROVE and self.results_hash is None:
            reason = (
                "is required: an approval holds for the results that were seen, `recipes describe` prints their hash"
            )
            raise Broken((Problem(("resultsHash",), reason),))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelApproval:
    """One decision by one person."""

    meta: Meta
    spec: ApprovalSpec
