"""What a series does at the same time of each day or hour: its period, and what is usual at each point of it. Pure.

Harmonic regression (Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", ch. 7): a line and a few
harmonics of the strongest frequency, by Huber's weights, so that odd values do not shape what they are held against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CYCLES = 2  # as many must be there in full
SHORTEST = 8  # points of a period
SHARE = 0.4  # of the variance about a line, that the strongest frequency and its neighbours must have
LEAST_FIT = 0.5  # of the variance, that a line and the harmonics must explain
LEAST_ALIKE = 0.8  # correlation of what goes round in both halves
HARMONICS = 3
LINE = 2  # columns before the harmonics
EVEN = 0.9  # share of the steps between points that must be alike
_NEAR = 0.1
_BESIDE, _SHORT = 0.6, 0.1
_GRID = 41
_HUBER = 1.345
_NORMAL = 1.4826
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Season:
    """The `period` in points, and what each point of the series owes to its time: float64 (points,), around 0."""

    period: float
    usual: NDArray[np.float64]


def season_of(times: NDArray[np.float64], values: NDArray[np.float64]) -> Season | None:
    """Find the period of evenly spaced values; None where they have none, or too few of it to tell."""
    if len(values) < CYCLES * SHORTEST or not _even(times):
        return None
    strongest = _cycles(values)
    if strongest is None:
        return None
    # A frequency lies between two of the transform's; that of two or three cycles at least two.
    cycles = np.linspace(max(strongest - _BESIDE, CYCLES - _SHORT), strongest + _BESIDE, _GRID)
    fits = [(*_fit(values, each), each) for each in len(values) / cycles]
    left_over, weights, best = min(fits, key=lambda fit: fit[0])
    usual: NDArray[np.float64] = _waves(len(values), best)[:, LINE:] @ weights[LINE:]
    if left_over > (1 - LEAST_FIT) * _spread(values) or not _lasts(values, best):
        return None
    return Season(period=float(best), usual=usual)


def _even(times: NDArray[np.float64]) -> bool:
    steps = np.diff(times)
    usual = float(np.median(steps))
    return usual > 0 and float((np.abs(steps - usual) <= _NEAR * usual).mean()) >= EVEN


def _cycles(values: NDArray[np.float64]) -> int | None:
    """How often the series goes round at the strongest frequency; None where none stands out."""
    places = np.arange(len(values))
    rest = values - np.polyval(np.polyfit(places, values, 1), places)
    power = np.abs(np.fft.rfft(rest)) ** 2
    total, power[:CYCLES] = power.sum(), 0.0
    strongest = int(np.argmax(power))
    near = power[max(CYCLES, strongest - 1) : strongest + 2].sum()
    if not near or near < SHARE * total or len(values) / strongest < SHORTEST:
        return None
    return strongest


def _lasts(values: NDArray[np.float64], period: float) -> bool:
    """Whether both halves of the series go round alike: a walk rises and falls too, each time otherwise."""
    waves, half = _waves(len(values), period), len(values) // 2
    first, second = (
        waves[:, LINE:] @ _weights(waves[part], values[part])[LINE:] for part in (slice(half), slice(half, None))
    )
    return float(np.corrcoef(first, second)[0, 1]) >= LEAST_ALIKE


def _fit(values: NDArray[np.float64], period: float) -> tuple[float, NDArray[np.floating[Any]]]:
    """Fit a line and the harmonics of a period: what is left over, and their weights."""
    basis = _waves(len(values), period)
    weights = _weights(basis, values)
    return _spread(values - basis @ weights), weights


def _weights(basis: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
    """The weights of the columns, by iterated least squares in which odd values count for less."""
    trust = np.ones(len(values))
    weights: NDArray[np.floating[Any]] = np.zeros(basis.shape[1])
    for _ in range(_ROUNDS):
        trusted = basis * trust[:, None]
        weights = np.linalg.lstsq(trusted.T @ basis, trusted.T @ values)[0]
        rest = np.abs(values - basis @ weights)
        scale = _NORMAL * float(np.median(rest)) or 1.0
        trust = np.minimum(1.0, _HUBER * scale / np.maximum(rest, 1e-12 * scale))
    return weights


def _spread(values: NDArray[np.float64]) -> float:
    """A variance that a few odd values do not change."""
    return float(np.median(np.abs(values - np.median(values))) ** 2)


def _waves(count: int, period: float) -> NDArray[np.float64]:
    """A constant, a line, and sine and cosine of each harmonic: a row for each point."""
    places = np.arange(count)
    turns = 2 * np.pi * np.outer(places / period, np.arange(1, HARMONICS + 1))
    return np.column_stack([np.ones(count), places / count, np.sin(turns), np.cos(turns)])
