"""The forward and backward passes of the hidden Markov model of habits, as compiled code.

Belongs here: recursions over the periods of customers. Does not belong here: what goes in and what the results
mean (habit).

Importing this module loads the compiled form from numba's cache: import it where it is used.
"""

from typing import Final

import numba
import numpy as np

from segmentation.domain.compilation import compiled, compiled_within

FIGURES: Final = 11
"""Columns of the result of ``follow_customers``."""

_COUNTS: Final = numba.types.Array(numba.uint16, 2, "C", readonly=True)
_REALS: Final = numba.types.Array(numba.float64, 1, "C", readonly=True)
_TABLES: Final = numba.types.Array(numba.float64, 3, "C", readonly=True)
_SMALL: Final = 1e-300
_LOW: Final = 0.05
_HIGH: Final = 0.95


@compiled_within
def _split(mass: np.ndarray, half: int) -> tuple[float, float]:
    """Return the mass below and above level ``half``."""
    below, above = 0.0, 0.0
    for k in range(half):
        below += mass[k]
    for k in range(half, mass.shape[0]):
        above += mass[k]
    return below, above


@compiled_within
def _enter(spread: np.ndarray, half: int) -> np.ndarray:
    """Return the spread over levels of those who enter a state: levels below ``half``, and from it on."""
    below, above = _split(spread, half)
    entering = np.empty(spread.shape[0])
    for k in range(spread.shape[0]):
        entering[k] = spread[k] / max(below if k < half else above, _SMALL)
    return entering


@compiled_within
def _pass_time(mass: np.ndarray, entering: np.ndarray, up: float, down: float, half: int) -> None:
    """Move the mass of one customer by one period: most stay at their level, some change state."""
    below, above = _split(mass, half)
    for k in range(half):
        mass[k] = (1.0 - up) * mass[k] + down * above * entering[k]
    for k in range(half, mass.shape[0]):
        mass[k] = (1.0 - down) * mass[k] + up * below * entering[k]


@compiled_within
def _first_period(late: np.ndarray, prompt: np.ndarray) -> int:
    for t in range(late.shape[0]):
        if late[t] or prompt[t]:
            return t
    return len(late)


@compiled_within
def _chances(late: int, prompt: int, likelihoods: np.ndarray, chance: np.ndarray) -> None:
    """Write the probability at every level of what was seen in a period."""
    for k in range(chance.shape[0]):
        chance[k] = likelihoods[0, late, k] * likelihoods[1, prompt, k]


@compiled_within
def _run_forward(
    late: np.ndarray,
    prompt: np.ndarray,
    first: int,
    spread: np.ndarray,
    entering: np.ndarray,
    up: float,
    down: float,
    likelihoods: np.ndarray,
    forward: np.ndarray,
    evidence: np.ndarray,
) -> float:
    """Write the mass after, and the scaled evidence of, every period of one customer; return the log-likelihood."""
    half = spread.shape[0] // 2
    total = 0.0
    for t in range(first, late.shape[0]):
        forward[t] = spread if t == first else forward[t - 1]
        if t > first:
            _pass_time(forward[t], entering, up, down, half)
        _chances(late[t], prompt[t], likelihoods, evidence[t])
        norm = 0.0
        for k in range(spread.shape[0]):
            forward[t, k] *= evidence[t, k]
            norm += forward[t, k]
        for k in range(spread.shape[0]):
            forward[t, k] /= norm
            evidence[t, k] /= norm
        total += np.log(norm)
    return total


@compiled_within
def _step_back(
    before: np.ndarray,
    evidence: np.ndarray,
    entering: np.ndarray,
    up: float,
    down: float,
    backward: np.ndarray,
    changes: np.ndarray,
    moves: np.ndarray,
) -> None:
    """Take the backward mass of one customer to the period before, adding what happened between to the counts."""
    half = backward.shape[0] // 2
    into_below, into_above = 0.0, 0.0
    for k in range(backward.shape[0]):
        backward[k] *= evidence[k]
        if k < half:
            into_below += entering[k] * backward[k]
        else:
            into_above += entering[k] * backward[k]
    below, above = _split(before, half)
    for k in range(half):
        changes[k] += above * down * entering[k] * backward[k]
        moves[0] += before[k] * (1.0 - up) * backward[k]
        backward[k] = (1.0 - up) * backward[k] + up * into_above
    for k in range(half, backward.shape[0]):
        changes[k] += below * up * entering[k] * backward[k]
        moves[2] += before[k] * (1.0 - down) * backward[k]
        backward[k] = (1.0 - down) * backward[k] + down * into_below
    moves[1] += below * up * into_above
    moves[3] += above * down * into_below


@compiled(
    numba.types.Tuple((numba.float64, numba.float64[::1], numba.float64[::1], numba.float64[::1]))(
        _COUNTS, _COUNTS, _REALS, numba.float64, numba.float64, _TABLES
    )
)
def expect_moves(
    late: np.ndarray, prompt: np.ndarray, spread: np.ndarray, up: float, down: float, likelihoods: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Return log-likelihood, expected draws of every level, and expected stays and moves (E-step of Baum-Welch).

    Parameters
    ----------
    late, prompt : instalments by customer and period, the oldest period first.
    spread : probability of every level, ascending; the lower half of them are the punctual state.
    up, down : probability per period of becoming late by habit, and of recovering.
    likelihoods : for late and for prompt ones, by count and level, the probability of so many.

    Returns
    -------
    Sum of log-likelihoods; expected number of times that each level was drawn at the start; the same on a change
    of state; expected periods of staying punctual, becoming late, staying late, recovering.
    """
    levels, periods = spread.shape[0], late.shape[1]
    entering = _enter(spread, levels // 2)
    starts, changes, moves = np.zeros(levels), np.zeros(levels), np.zeros(4)
    forward, evidence = np.empty((periods, levels)), np.empty((periods, levels))
    backward = np.empty(levels)
    total = 0.0
    for i in range(late.shape[0]):
        first = _first_period(late[i], prompt[i])
        if first == periods:
            continue
        total += _run_forward(
            late[i], prompt[i], first, spread, entering, up, down, likelihoods, forward, evidence
        )
        backward[:] = 1.0
        for t in range(periods - 1, first, -1):
            _step_back(forward[t - 1], evidence[t], entering, up, down, backward, changes, moves)
        for k in range(levels):
            starts[k] += forward[first, k] * backward[k]
    return total, starts, changes, moves


@compiled_within
def _weigh(
    late: int, prompt: int, chance: np.ndarray, log_level: np.ndarray, mass: np.ndarray, others: np.ndarray
) -> None:
    """Weigh the mass of one customer by what was seen in a period, and its slopes in the weight of what was seen."""
    norm = 0.0
    for k in range(mass.shape[0]):
        others[0, k] = (others[0, k] + late * log_level[0, k] * mass[k]) * chance[k]
        others[1, k] = (others[1, k] + prompt * log_level[1, k] * mass[k]) * chance[k]
        others[2, k] *= chance[k]
        mass[k] *= chance[k]
        norm += mass[k]
    for k in range(mass.shape[0]):
        mass[k] /= norm
        for row in range(3):
            others[row, k] /= norm


@compiled_within
def _describe(mass: np.ndarray, level: np.ndarray, edge: np.ndarray, figures: np.ndarray) -> None:
    """Write mean, 5th and 95th percentile of a propensity."""
    figures[1], figures[2] = edge[0], edge[-1]
    running = 0.0
    for k in range(mass.shape[0]):
        figures[0] += mass[k] * level[k]
        for place, share in ((1, _LOW), (2, _HIGH)):
            if running < share <= running + mass[k]:
                figures[place] = edge[k] + (edge[k + 1] - edge[k]) * (share - running) / mass[k]
        running += mass[k]


@compiled(
    numba.float64[:, ::1](
        _COUNTS, _COUNTS, _REALS, numba.float64, numba.float64, _TABLES, _REALS, _REALS, numba.int64
    )
)
def follow_customers(
    late: np.ndarray,
    prompt: np.ndarray,
    spread: np.ndarray,
    up: float,
    down: float,
    likelihoods: np.ndarray,
    level: np.ndarray,
    edge: np.ndarray,
    lag: int,
) -> np.ndarray:
    """Return what is believed of every customer at the end of the last period (forward algorithm).

    Parameters
    ----------
    late, prompt, spread, up, down, likelihoods : as for ``expect_moves``.
    level : late propensity of every level.
    edge : bounds between levels, one more than levels.
    lag : periods before the last at which it is asked who was punctual.

    Returns
    -------
    A row per customer: mean propensity; its 5th and 95th percentile; mass punctual, and late by habit; both of their
    derivatives in the weight of all late instalments, then of all prompt ones; of those punctual ``lag`` periods
    before, or at first when that is later, mass still punctual, and late by habit. Nil for who has no history.
    """
    levels = spread.shape[0]
    half = levels // 2
    periods = late.shape[1]
    entering = _enter(spread, half)
    log_level = np.empty((2, levels))
    for k in range(levels):
        log_level[0, k], log_level[1, k] = np.log(level[k]), np.log1p(-level[k])
    found = np.zeros((late.shape[0], FIGURES))
    mass, chance, others = np.empty(levels), np.empty(levels), np.empty((3, levels))
    for i in range(late.shape[0]):
        first = _first_period(late[i], prompt[i])
        if first == periods:
            continue
        asked = max(first, periods - 1 - lag)
        mass[:] = spread
        others[:] = 0.0
        for t in range(first, periods):
            if t > first:
                _pass_time(mass, entering, up, down, half)
                for row in range(3):
                    _pass_time(others[row], entering, up, down, half)
            if late[i, t] or prompt[i, t]:
                _chances(late[i, t], prompt[i, t], likelihoods, chance)
                _weigh(late[i, t], prompt[i, t], chance, log_level, mass, others)
            if t == asked:
                others[2, :half] = mass[:half]
        _describe(mass, level, edge, found[i])
        found[i, 3], found[i, 4] = _split(mass, half)
        for row in range(3):
            found[i, 5 + 2 * row], found[i, 6 + 2 * row] = _split(others[row], half)
        found[i, 3], found[i, 4] = max(found[i, 3], _SMALL), max(found[i, 4], _SMALL)
    return found
