"""How a change on evidence that will not grow is judged: a version and production, asked the same queries. Pure.

Changes are counted in the better direction, as floats or as decimals. A change below what is allowed is none for whom
it has to be doubted: that is the first question, and not asked here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from decimal import Decimal

Number = TypeVar("Number", float, "Decimal")


def doubt(low: Number, high: Number, allowed: Number) -> str | None:
    """Why the interval of a change speaks against it although its mean is allowed; None where it does not.

    A demanded gain (> 0) must be one beyond chance. A tolerated loss (<= 0) must be no loss beyond chance, or stay
    within the tolerance beyond chance: that two equal versions differ a little by chance is no reason to refuse one.
    """
    if allowed > 0 >= low:
        return f"the gain may be chance, {low:+.4g} <= 0"
    if allowed <= 0 and high < 0 and low < allowed:
        return f"it is a loss beyond chance that may exceed the tolerance, {low:+.4g} < {allowed:+.4g}"
    return None
