"""Who answers the users: the split in the serving process, remembered so that the next start answers alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.embedded.facts import Answering
from predictor.slot import Share

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.embedded.facts import Facts
    from mlops.embedded.servings import Servings
    from predictor.slot import Slot


class Split:
    """Moves the traffic between versions that are loaded."""

    def __init__(self, slot: Slot, servings: Servings, facts: Facts) -> None:
        self._slot = slot
        self._servings = servings
        self._facts = facts

    @property
    def weights(self) -> dict[str, int]:
        """The percentages, read back from what answers."""
        return self._slot.weights

    def set(self, weights: Mapping[str, int]) -> None:
        """Give each version its share at once; a version that answers already keeps its place before newcomers.

        Raises Transient, moving nothing, where one of them is not loaded.
        """
        before = list(self._slot.weights)
        ordered = sorted(weights, key=lambda version: before.index(version) if version in before else len(before))
        models = {version: self._servings.model(version) for version in ordered}
        self._facts.set_traffic(
            [
                Answering(
                    version=version,
                    weight=weights[version],
                    digest=model.digest,
                    folder=self._servings.folder(version),
                )
                for version, model in models.items()
            ]
        )
        if models:
            self._slot.serve([Share(served=model, weight=weights[version]) for version, model in models.items()])
        else:
            self._slot.clear()
