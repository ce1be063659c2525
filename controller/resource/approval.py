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
    version: SemVer
    decision: Choice
    approver: ShortText
    digest: Digest
    results_hash: Digest | None = None
    reason: LongText = ""

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
