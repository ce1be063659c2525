"""The translator that is always there: it translates nothing and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.translation.translator import QUERY_SECONDS, Health, Line, untranslated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops.recommendation import Language

NAME = "identity"


class IdentityTranslator:
    """Gives every line back as it was. `reason` says in its health why it stands in for a real one."""

    name = NAME
    version = "1"

    def __init__(self, reason: str = "no translator is configured") -> None:
        self._reason = reason

    def translate(
        self,
        lines: Sequence[str],
        source: Language,  # noqa: ARG002 - the Protocol's signature
        target: Language,  # noqa: ARG002
        *,
        deadline: float = QUERY_SECONDS,  # noqa: ARG002
    ) -> tuple[Line, ...]:
        """The lines as they were, untranslated."""
        return untranslated(lines, NAME)

    def healthy(self) -> Health:
        """Never healthy: nothing is translated."""
        return Health(ok=False, reason=self._reason)

    def close(self) -> None:
        """Nothing to let go of."""
