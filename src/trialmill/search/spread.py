"""How a parameter's values are spread over its range: quantile and distribution function of the four distributions.

Normal ones are Katib's: mean in the middle of [min, max], six standard deviations from end to end, and here truncated
to the range rather than leaving it. Logarithmic ones are the same over the logarithms.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from trialmill.api.space import Distribution

_LARGEST_BELOW_ONE = 1 - 2**-53
_SMALLEST_POSITIVE = 2**-1074
_SIGMAS_ACROSS = 6


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution over [low, high]. `normal` is None for uniform ones; it lives in log space if `logarithmic`."""

    low: float
    high: float
    logarithmic: bool = False
    normal: NormalDist | None = None

    def quantile(self, unit: float) -> float:
        """The value below which the share `unit` lies; `low` at 0, `high` at 1, never outside."""
        if unit <= 0:
            return self.low
        if unit >= 1:
            return self.high
        start, end = self._inner(self.low), self._inner(self.high)
        if self.normal is None:
            inner = start * (1 - unit) + end * unit
        else:
            below, above = self.normal.cdf(start), self.normal.cdf(end)
            share = below + unit * (above - below)
            inner = self.normal.inv_cdf(min(max(share, _SMALLEST_POSITIVE), _LARGEST_BELOW_ONE))
        value = math.exp(min(inner, end)) if self.logarithmic else inner
        return min(max(value, self.low), self.high)

    def share(self, value: float) -> float:
        """The share that lies below `value`, from 0 to 1: the inverse of `quantile`."""
        if value <= self.low:
            return 0.0
        if value >= self.high:
            return 1.0
        start, end, inner = self._inner(self.low), self._inner(self.high), self._inner(value)
        if self.normal is None:
            # Halves, because the width of the whole range may be more than a float can hold.
            share = (inner / 2 - start / 2) / (end / 2 - start / 2)
        else:
            below, above = self.normal.cdf(start), self.normal.cdf(end)
            share = (self.normal.cdf(inner) - below) / (above - below)
        return min(max(share, 0.0), 1.0)

    def _inner(self, value: float) -> float:
        return math.log(value) if self.logarithmic else value


def spread_over(
    distribution: Distribution, low: float, high: float, *, first: float | None = None, last: float | None = None
) -> Spread:
    """The distribution of a parameter with the bounds `low` < `high` (both above 0 for logarithmic ones).

    `first` and `last` truncate it elsewhere than at the bounds: at the outer edges of the cells of a lattice.
    """
    logarithmic = distribution.is_logarithmic
    normal = None
    if distribution in (Distribution.NORMAL, Distribution.LOG_NORMAL):
        start, end = (math.log(low), math.log(high)) if logarithmic else (low, high)
        normal = NormalDist(start / 2 + end / 2, end / _SIGMAS_ACROSS - start / _SIGMAS_ACROSS)
    return Spread(low if first is None else first, high if last is None else last, logarithmic, normal)
