"""What a message did: the difference between those who had it and those left out, by chance or not.

The interval is Wald's for the difference of two independent proportions (Newcombe, Statistics in
Medicine 1998, 17:873-890, method 1), its quantile from SciPy. docs/results.md says when it holds.
"""

from dataclasses import dataclass
from math import sqrt

CONFIDENCE = 0.95
POWER = 0.8  # of a planned comparison: how often an effect of that size would be seen
# The normal approximation holds where at least so many came, and did not, in either arm.
FEWEST = 5


@dataclass(frozen=True)
class Arm:
    """People whose window is over, and how many of them came in it."""

    people: int
    visited: int

    @property
    def share(self) -> float:
        """Return the share who came, from 0 to 1."""
        return self.visited / self.people

    @property
    def variance(self) -> float:
        """Return the sampling variance of the share."""
        return self.share * (1 - self.share) / self.people


@dataclass(frozen=True)
class Uplift:
    """How much larger one share is than another, in percentage points, 95 % sure."""

    points: float
    low: float
    high: float

    @property
    def is_told(self) -> bool:
        """Return whether the interval leaves zero out: there is a difference, of this sign."""
        return self.low > 0 or self.high < 0


def uplift(told: Arm, left_out: Arm) -> Uplift | None:
    """Return the difference of two arms, or None where there are too few to put bounds to it."""
    counts = [told.visited, left_out.visited]
    counts += [told.people - told.visited, left_out.people - left_out.visited]
    if min(counts) < FEWEST:
        return None
    difference = told.share - left_out.share
    margin = _quantile((1 + CONFIDENCE) / 2) * sqrt(told.variance + left_out.variance)
    return Uplift(100 * difference, 100 * (difference - margin), 100 * (difference + margin))


def detectable(people: float, holdout_share: float, base: float) -> float | None:
    """Return the smallest uplift, in points, that a comparison of so many people would show.

    `base` is the share who come by themselves. Four times out of five it is seen as one that is
    not zero, by the interval above: the larger root of d = k sqrt(p1 q1 / n1 + p0 q0 / n0) with
    p1 = p0 + d. None where it would take more than everybody.
    """
    left_out, told = people * holdout_share, people * (1 - holdout_share)
    if min(left_out * base, left_out * (1 - base)) < FEWEST:
        return None
    squared = (_quantile((1 + CONFIDENCE) / 2) + _quantile(POWER)) ** 2
    spread = base * (1 - base) * (1 / told + 1 / left_out)
    # (1 + k²/n1) d² - k² (1 - 2 p0)/n1 d - k² (p0 q0/n1 + p0 q0/n0) = 0
    a, b, c = 1 + squared / told, -squared * (1 - 2 * base) / told, -squared * spread
    difference = (-b + sqrt(b * b - 4 * a * c)) / (2 * a)
    return 100 * difference if base + difference <= 1 else None


def _quantile(probability: float) -> float:
    from scipy.special import ndtri  # noqa: PLC0415 - a quarter of a second, where it is needed

    return float(ndtri(probability))
