"""Random numbers by topic: drawing more of one thing leaves all other things as they were.

Only uniform draws and inverse transforms are used, rounded early, so that the same seed gives the same
bytes on every machine and numpy version.
"""

from typing import TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Reals: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]


class Draws:
    """Draws of one topic, from a stream of its own."""

    def __init__(self, seed: int, topic: str) -> None:
        sequence = np.random.SeedSequence(seed, spawn_key=(crc32(topic.encode()),))
        self._generator = np.random.Generator(np.random.PCG64(sequence))

    def uniform(self, count: int) -> Reals:
        """Return ``count`` numbers in [0, 1)."""
        return self._generator.random(count)

    def stratified(self, count: int) -> Reals:
        """Return ``count`` numbers in [0, 1), one from each of ``count`` equal strata, shuffled."""
        order = np.argsort(self.uniform(count), kind="stable")
        return (order + self.uniform(count)) / count

    def chance(self, prob: Reals | float, count: int) -> Flags:
        """Return whether each of ``count`` events of the given probability happens."""
        return self.uniform(count) < prob

    def whole(self, low: int, high: int, count: int) -> Ints:
        """Return ``count`` whole numbers from ``low`` to ``high``, both included."""
        return low + np.floor(self.uniform(count) * (high - low + 1)).astype(np.int64)

    def waiting(self, mean: Reals | float, count: int) -> Ints:
        """Return whole, exponentially distributed waiting times of the given mean, floored."""
        return np.floor(-np.log1p(-self.uniform(count)) * mean).astype(np.int64)

    def spread(self, sigma: float, count: int) -> Reals:
        """Return positive factors with median 1 and log-logistic spread, at most 50 and at least 1/50."""
        share = np.clip(self.uniform(count), 1e-6, 1 - 1e-6)
        return np.clip((share / (1 - share)) ** (sigma * 0.55), 0.02, 50.0)

    def choice(self, weights: Reals, count: int) -> Ints:
        """Return ``count`` positions drawn with the given weights."""
        steps = np.cumsum(weights) / np.sum(weights)
        return np.minimum(np.searchsorted(steps, self.uniform(count), side="right"), len(weights) - 1)

    def kumaraswamy(self, alpha: Reals, beta: Reals, count: int) -> Reals:
        """Return numbers in (0, 1) with the shape of a beta distribution, rounded to four places.

        Notes
        -----
        Inverse transform of Kumaraswamy (1980): ``(1 − (1 − u)^(1/b))^(1/a)``.
        """
        drawn = (1 - (1 - self.uniform(count)) ** (1 / beta)) ** (1 / alpha)
        return np.clip(np.round(drawn, 4), 0.005, 0.98)
