from itertools import product

import pytest

from mlops.errors import Conflict
from mlops.registry.stages import Stage, check_transition

LEGAL = {
    ("Training", "Validation"),
    ("Training", "Archived"),
    ("Validation", "Staging"),
    ("Validation", "Archived"),
    ("Staging", "Production"),
    ("Staging", "Archived"),
    ("Production", "Archived"),
}


@pytest.mark.parametrize(("current", "target"), list(product(Stage, Stage)))
def test_only_the_seven_steps_are_legal(current, target):
    if (current.value, target.value) in LEGAL:
        check_transition(current, target)
    else:
        with pytest.raises(Conflict, match=f"{current} -> {target} is not a legal transition"):
            check_transition(current, target)


@pytest.mark.parametrize(("current", "target"), list(product(Stage, Stage)))
def test_restoring_adds_the_way_back_to_production_and_nothing_else(current, target):
    if (current.value, target.value) in LEGAL | {("Archived", "Production")}:
        check_transition(current, target, restore=True)
    else:
        with pytest.raises(Conflict):
            check_transition(current, target, restore=True)


@pytest.mark.parametrize(
    ("current", "target", "named"),
    [
        (Stage.TRAINING, Stage.PRODUCTION, "legal from Training: Validation, Archived"),
        (Stage.PRODUCTION, Stage.STAGING, "legal from Production: Archived"),
        (Stage.ARCHIVED, Stage.PRODUCTION, r"legal from Archived: none; as a rollback or pin \(restore\): Production"),
    ],
)
def test_the_refusal_names_what_is_legal(current, target, named):
    with pytest.raises(Conflict, match=named):
        check_transition(current, target)
