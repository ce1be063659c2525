"""Questions that read as people's do, about 13 word pieces long: by number, so that none comes twice unless it is meant to.

Distinct traffic walks the numbers through a permutation; Zipf traffic draws ranks of a fixed set, as caches like it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

# Two in twenty-four name a diet, which ours reads as a filter and the others as words.
_HOW = """quick creamy spicy baked cold roast simple crispy light hearty smoky sweet vegetarian vegan grilled steamed slow
festive rustic warm tangy rich fresh old-fashioned""".split()
_MAIN = """chicken lentil rice tomato salmon bean potato egg mushroom pumpkin beef pork spinach carrot cabbage apple
cheese chickpea cod lamb leek pear onion corn turkey pea plum aubergine courgette cauliflower barley sardine cherry
beetroot fennel lemon almond quince duck celery""".split()
_DISH = """soup salad stew curry pie dinner pasta casserole omelette tart bake pudding sauce gratin dumplings fritters
cake croquettes stuffing broth risotto pancakes skewers pickle roll sandwich bowl mousse terrine pilaf""".split()
_SIDE = """cream garlic parsley butter lemon ginger honey bacon nutmeg vinegar thyme rosemary olives capers mustard
cinnamon raisins walnuts breadcrumbs saffron sage dill mint basil cloves anchovies rum yoghurt chives paprika cumin
currants almonds horseradish sherry sultanas shallots chestnuts cider molasses""".split()
_WHEN = """weeknight lunch|family dinner|picnic|cold evening|birthday|Sunday lunch|light supper|large party|
busy morning|winter evening|summer garden|small kitchen""".replace("\n", "").split("|")

SPACE = len(_HOW) * len(_MAIN) * len(_DISH) * len(_SIDE) * (len(_SIDE) - 1) * len(_WHEN)
# A prime that divides no list's length, so that stepping by it visits every number once.
_STEP = 104_729_003
ZIPF_QUERIES = 60_000


def query(number: int) -> str:
    """The question of that number; different for all numbers below `SPACE`."""
    if not 0 <= number < SPACE:
        raise ValueError(f"{number} questions were asked for, there are {SPACE}")
    rest = number * _STEP % SPACE
    rest, how = divmod(rest, len(_HOW))
    rest, main = divmod(rest, len(_MAIN))
    rest, dish = divmod(rest, len(_DISH))
    rest, when = divmod(rest, len(_WHEN))
    first, other = divmod(rest, len(_SIDE) - 1)
    second = (first + 1 + other) % len(_SIDE)
    return f"{_HOW[how]} {_MAIN[main]} {_DISH[dish]} with {_SIDE[first]} and {_SIDE[second]} for a {_WHEN[when]}"


@dataclass
class Questions:
    """The traffic of one run of the bench: every distinct question is given out once, to whomever it goes."""

    _next: int = ZIPF_QUERIES
    _seed: int = 0

    def distinct(self, count: int) -> list[str]:
        """`count` questions that nobody was asked before."""
        first, self._next = self._next, self._next + count
        return [query(number) for number in range(first, self._next)]

    def zipf(self, count: int) -> list[str]:
        """`count` draws from 60,000 questions, the n-th of them with a probability proportional to 1/n (s = 1)."""
        self._seed += 1
        return list(_zipf(count, self._seed))


def _zipf(count: int, seed: int) -> Iterator[str]:
    weights = 1 / np.arange(1, ZIPF_QUERIES + 1)
    drawn = np.random.default_rng(seed).choice(ZIPF_QUERIES, size=count, p=weights / weights.sum())
    return (query(int(number)) for number in drawn)
