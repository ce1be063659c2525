"""Whatever reason somebody reads, docs/troubleshooting.md says what it means and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from controller.resource.reasons import Reason

DOCUMENT = (Path(__file__).parents[3] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_has_its_entry(reason):
    assert f"| `{reason.value}` | {reason.meaning} | {reason.remedy} |" in DOCUMENT


def test_no_entry_is_of_a_reason_that_is_gone():
    every = DOCUMENT.partition("## Every reason")[2]
    assert set(re.findall(r"^\| `(\w+)`", every, flags=re.MULTILINE)) == {reason.value for reason in Reason}
