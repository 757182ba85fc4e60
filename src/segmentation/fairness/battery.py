"""How often the gate raises false alarms, and what it finds, in simulation where the truth is known.

Belongs here: drawing counts of harmed members in books of known rates, and judging them as a run would.
Does not belong here: worlds of single customers (simulator).

Notes
-----
Harm is independent between customers, so that the number of harmed members of a joint cell (one group
by each attribute) is binomial; every group and pair is a sum over joint cells. Thousands of runs are then
a table of binomial draws, and customers need not be drawn one by one. What happens to the rates, the
tests, weights, step-down and thresholds are those of ``comparison`` and ``multiplicity``.

Intervals are those of Clopper and Pearson (1934) at 95 %.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, partial
from itertools import combinations, pairwise, product
from typing import Any

import numpy as np

from segmentation.domain.settings import FairnessSettings
from segmentation.fairness.comparison import exact_p_values, find_blocks
from segmentation.fairness.multiplicity import (
    Flags,
    Floats,
    Ints,
    Levels,
    attainable_tails,
    step_down,
    sum_levels,
    weigh_cells,
)
from segmentation.fairness.spending import spend_alpha

GROUP_SHARES: tuple[tuple[float, ...], ...] = (
    (0.5, 0.5),
    (0.5, 0.35, 0.15),
    (0.4, 0.3, 0.2, 0.1),
    (0.3, 0.2, 0.2, 0.1, 0.1, 0.1),
)
"""Shares of the groups by each attribute of a simulated book; attributes are independent."""
METRIC_COUNT = 3
BASE_RATES = (0.02, 0.05, 0.1)
BOOK_SIZES = (3_000, 20_000)
PLANTED_GAPS = ((0.10, 300, 3_000), (0.05, 2_000, 20_000))
"""Gap, members of the group that is treated worse, and customers of the book."""
WEEKS = 26
WEEKLY_CHANGE_SHARE = 0.1
VICTIM = 1
"""The second group by the first attribute is the one that a gap is planted in."""
_FIRST_DAY = date(2026, 1, 5)
_BATCH = 500


@dataclass(frozen=True)
class Book:
    """Joint cells of a simulated book, and the groups and pairs that are sums over them.

    Parameters
    ----------
    counts : members per joint cell.
    members : joint cells × compared cells; 1 where the joint cell belongs to the group or pair.
    is_pair : per compared cell.
    """

    counts: Ints
    members: Ints
    is_pair: Flags


@dataclass(frozen=True)
class Scenario:
    """One thing to measure: what it is, and how often it happens in how many simulated runs."""

    kind: str
    facts: Mapping[str, float | str]
    runs: int
    count: Callable[[np.random.Generator, int], int]


def evaluate_gate(
    settings: FairnessSettings | None = None, *, runs: int = 5_000, seed: int = 1
) -> dict[str, Any]:
    """Return false-alarm rates and power of the gate, with intervals, seeds and what was simulated.

    Parameters
    ----------
    settings : of the gate; the defaults when None.
    runs : simulated runs without bias per scenario; half of them with a planted gap, and a fifth of them
        followed week by week.
    seed : every scenario draws from the seed and its own number.
    """
    settings = settings or FairnessSettings()
    report: dict[str, Any] = {
        "compared": {
            "group_shares": GROUP_SHARES,
            "metrics": METRIC_COUNT,
            "attributes": len(GROUP_SHARES),
            "settings": settings.model_dump(mode="json"),
        },
        "false_alarms_one_run": [],
        "false_alarms_26_weeks": [],
        "power": [],
    }
    for number, scenario in enumerate(list_scenarios(settings, runs), start=1):
        happened = scenario.count(np.random.default_rng([seed, number]), scenario.runs)
        low, high = bound_share(happened, scenario.runs)
        report[scenario.kind].append(
            {
                **scenario.facts,
                "runs": scenario.runs,
                "share": happened / scenario.runs,
                "share_low": low,
                "share_high": high,
                "seed": [seed, number],
            }
        )
    return report


def list_scenarios(settings: FairnessSettings, runs: int) -> list[Scenario]:
    """Return everything that is measured, smallest books first."""
    first, *_, weekly = weekly_alphas(settings)
    found = []
    facts: dict[str, float | str]
    for size, base in product(BOOK_SIZES, BASE_RATES):
        facts = {"customers": size, "base_rate": base}
        for alpha in (first, settings.alpha):
            counter = partial(count_alarms, settings=settings, size=size, base=base, alpha=alpha)
            found.append(Scenario("false_alarms_one_run", facts | {"alpha": alpha}, runs, counter))
    for changed, base in product((1.0, WEEKLY_CHANGE_SHARE), BASE_RATES):
        facts = {"customers": BOOK_SIZES[0], "base_rate": base, "changed_share_per_week": changed}
        follow = partial(
            count_series_with_alarm, settings=settings, size=BOOK_SIZES[0], base=base, changed_share=changed
        )
        found.append(Scenario("false_alarms_26_weeks", facts, max(runs // 5, 1), follow))
    looks = {"the first run": [first], "one weekly run": [weekly], "four weekly runs": [weekly] * 4}
    for (gap, victims, size), base, look in product(PLANTED_GAPS, BASE_RATES, looks):
        facts = {"gap": gap, "members": victims, "customers": size, "base_rate": base, "found_in": look}
        find = partial(
            count_found, settings=settings, size=size, base=base, gap=gap, victims=victims, alphas=looks[look]
        )
        found.append(Scenario("power", facts, max(runs // (2 * len(looks[look])), 1), find))
    return found


def build_book(
    size: int, rng: np.random.Generator, settings: FairnessSettings, victims: int | None = None
) -> Book:
    """Return a book of ``size`` customers; the second group by the first attribute has ``victims`` members."""
    shares = [np.array(share) for share in GROUP_SHARES]
    if victims is not None:
        shares[0] = np.array([1 - victims / size, victims / size])
    levels = np.stack([axis.ravel() for axis in np.indices([len(share) for share in shares])], axis=1)
    others = np.prod([shares[i][levels[:, i]] for i in range(1, len(shares))], axis=0)
    counts = np.zeros(len(levels), dtype=np.int64)
    totals = np.round(shares[0] * size).astype(np.int64)
    for group, total in enumerate(totals):
        inside = levels[:, 0] == group
        counts[inside] = rng.multinomial(total, others[inside] / others[inside].sum())
    columns, is_pair = [], []
    for names in [(i,) for i in range(len(shares))] + list(combinations(range(len(shares)), 2)):
        codes = np.ravel_multi_index(tuple(levels[:, i] for i in names), tuple(len(shares[i]) for i in names))
        member = np.eye(int(codes.max()) + 1, dtype=np.int64)[codes]
        columns.append(member)
        is_pair += [len(names) > 1] * member.shape[1]
    members = np.concatenate(columns, axis=1)
    sizes = counts @ members
    is_large = np.minimum(sizes, counts.sum() - sizes) >= settings.min_count_report
    return Book(counts, members[:, is_large], np.array(is_pair)[is_large])


def judge_runs(book: Book, harmed: Ints, settings: FairnessSettings, alpha: float) -> Flags:
    """Return runs × metrics × cells that block.

    Parameters
    ----------
    book : whose joint cells were drawn from.
    harmed : runs × metrics × joint cells.
    settings : of the gate.
    alpha : that every run may spend.
    """
    # Sums of whole numbers are exact in floating point, which multiplies matrices many times faster.
    inside = (harmed.astype(np.float64) @ book.members.astype(np.float64)).astype(np.int64)
    sizes = book.counts @ book.members
    rests = int(book.counts.sum()) - sizes
    count, rest = np.broadcast_to(sizes, inside.shape), np.broadcast_to(rests, inside.shape)
    totals = harmed.sum(axis=-1)
    outside = totals[..., None] - inside
    gap = inside / count - outside / rest
    p_values = np.ones(gap.shape)
    beyond = gap > settings.block_gap
    p_values[beyond] = exact_p_values(inside[beyond], count[beyond], outside[beyond], rest[beyond])
    # All metrics are about the same cells.
    weights = weigh_cells(book.is_pair, np.minimum(sizes, rests), settings) / harmed.shape[1]

    @cache
    def list_tails(total: int) -> list[Floats]:
        pairs = zip(sizes.tolist(), rests.tolist(), strict=True)
        return [attainable_tails(n, m, total, settings.block_gap) for n, m in pairs]

    @cache
    def sum_metric(total: int) -> Levels:
        return sum_levels(list_tails(total), weights)

    adjusted = np.ones(gap.shape)
    # What is above alpha by itself is so after adjustment as well.
    for run in np.flatnonzero((p_values < alpha).any(axis=(1, 2))):
        metric, cell = np.nonzero(p_values[run] < alpha)
        scaled = p_values[run, metric, cell] / weights[cell]
        order = np.argsort(scaled, kind="stable")
        metric, cell, scaled = metric[order], cell[order], scaled[order]
        harmed_each = totals[run].tolist()
        total = np.sum([sum_metric(k).up_to(scaled) for k in harmed_each], axis=0)
        tails = [list_tails(harmed_each[m])[j] for m, j in zip(metric, cell, strict=True)]
        adjusted[run, metric, cell] = step_down(scaled, total, tails, weights[cell])
    return find_blocks(adjusted, gap, settings, alpha)


def count_alarms(
    rng: np.random.Generator, runs: int, *, settings: FairnessSettings, size: int, base: float, alpha: float
) -> int:
    """Return in how many of ``runs`` a book without bias is blocked."""
    book = build_book(size, rng, settings)
    rates = np.full((METRIC_COUNT, len(book.counts)), base)
    return _count_series(rng, runs, settings, book, rates, [alpha], 1.0, slice(None))


def count_series_with_alarm(
    rng: np.random.Generator,
    runs: int,
    *,
    settings: FairnessSettings,
    size: int,
    base: float,
    changed_share: float,
) -> int:
    """Return in how many of ``runs`` series of 26 weekly runs without bias any run is blocked.

    ``changed_share`` of the customers are judged anew each week, the others keep what they had; with 1, every
    week is a book of its own, the worst case for repeated looks.
    """
    book = build_book(size, rng, settings)
    rates = np.full((METRIC_COUNT, len(book.counts)), base)
    alphas = weekly_alphas(settings)
    return _count_series(rng, runs, settings, book, rates, alphas, changed_share, slice(None))


def count_found(
    rng: np.random.Generator,
    runs: int,
    *,
    settings: FairnessSettings,
    size: int,
    base: float,
    gap: float,
    victims: int,
    alphas: Sequence[float],
) -> int:
    """Return in how many of ``runs`` a group that is harmed more often by ``gap``, in one metric, is blocked.

    All members are truly incidental; ``base`` is the rate among all others. Found is what any of the weekly
    runs that spend ``alphas`` blocks.
    """
    book = build_book(size, rng, settings, victims)
    rates = np.full((METRIC_COUNT, len(book.counts)), base)
    rates[0] += gap * book.members[:, VICTIM]
    victim = (0, VICTIM)
    return _count_series(rng, runs, settings, book, rates, alphas, WEEKLY_CHANGE_SHARE, victim)


def _count_series(  # noqa: PLR0917  what a series is made of
    rng: np.random.Generator,
    runs: int,
    settings: FairnessSettings,
    book: Book,
    rates: Floats,
    alphas: Sequence[float],
    changed_share: float,
    watched: slice | tuple[int, int],
) -> int:
    """How many series of weekly runs block any of the watched cells (metric, cell) in any week."""
    changed = np.round(book.counts * changed_share).astype(np.int64)
    blocked = 0
    for start in range(0, runs, _BATCH):
        shape = (min(_BATCH, runs - start), *rates.shape)
        harmed = rng.binomial(book.counts, rates, shape)
        is_blocked = np.zeros(shape[0], dtype=np.bool_)
        for week, alpha in enumerate(alphas):
            if week:
                gone = rng.hypergeometric(harmed, book.counts - harmed, changed)
                harmed = harmed - gone + rng.binomial(changed, rates, shape)
            found = judge_runs(book, harmed, settings, alpha)
            seen = found[:, watched] if isinstance(watched, slice) else found[:, watched[0], [watched[1]]]
            is_blocked |= seen.reshape(shape[0], -1).any(axis=1)
        blocked += int(is_blocked.sum())
    return blocked


def weekly_alphas(settings: FairnessSettings) -> list[float]:
    """Return what 26 weekly runs spend, the first one included."""
    days = [_FIRST_DAY + timedelta(weeks=week) for week in range(WEEKS)]
    return [spend_alpha(None, days[0], settings)] + [
        spend_alpha(previous, day, settings) for previous, day in pairwise(days)
    ]


def bound_share(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    low = beta.ppf(0.025, successes, trials - successes + 1) if successes else 0.0
    high = beta.ppf(0.975, successes + 1, trials - successes) if successes < trials else 1.0
    return float(low), float(high)
