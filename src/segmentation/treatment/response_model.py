"""How likely a contact is to be answered by payment, by channel, part of the day and lateness.

Belongs here: the hierarchical model (customer → segment → all) blended with a ridge logistic one, on
arrays. Does not belong here: the cells that both smooth (response_cells), reading contacts from the ledger
(arms), what an answer is worth (value).
"""

from dataclasses import dataclass, replace

import numpy as np

from segmentation.treatment.response_cells import (
    MOST_EVIDENCE,
    Contacts,
    Ints,
    Reals,
    Sizes,
    fit_cells,
    fit_ridge,
    log_loss,
    to_prob,
)

_BLENDS = (0.0, 0.25, 0.5, 0.75, 1.0)
_FOLDS = 5
_NEWTON_STEPS = 4
_MIXING_ROUNDS = 4
_LAST_ROUNDS = 3
_SHIFTS = tuple((channel, slot) for channel in (0.0, 0.5, 1.0, 1.5) for slot in (0.0, 0.4, 0.8))
_CUSTOMERS_FOR_SHIFTS = 2000
_LOYALTY = 10.0
"""Customers' worth of belief that a customer answers as their segment does."""


@dataclass(frozen=True, slots=True)
class ResponseModel:
    """A fitted model.

    Parameters
    ----------
    tables : offsets × states × arms, probability of payment; an arm is a channel and a slot, a state says
        as which segment a customer answers, and through which channel and in which slot rather than others.
    prior : segments × segments, how likely a customer called one answers as another.
    sizes : of the code lists.
    prior_evidence : contacts of one's own that what is known of the segment is worth.
    segment_evidence : contacts of each segment.
    cell_evidence : contacts that everybody's figures are worth beside a segment's own.
    blend : weight of the ridge logistic model, chosen out of fold.
    shifts : how much log-odds rise through the own channel, and in the own slot.
    """

    tables: Reals
    prior: Reals
    sizes: Sizes
    prior_evidence: float
    segment_evidence: Reals
    cell_evidence: float
    blend: float
    shifts: tuple[float, float]

    def weigh_states(self, contacts: Contacts, segments: Ints) -> Reals:
        """Return customers × states: how likely each state is after the customer's own contacts.

        Parameters
        ----------
        contacts : of these customers, coded by their place in ``segments``; may be none.
        segments : segment of every customer.
        """
        sizes = replace(self.sizes, customers=len(segments))
        return _weigh_states(contacts, self.tables, self.prior[segments], sizes)[0]

    def predict(self, states: Reals, offset: Ints) -> tuple[Reals, Reals]:
        """Return mean and standard deviation of the probability of payment, customers × arms.

        Notes
        -----
        The deviation joins what is not known of the customer (spread over states) and of the segment's
        figures (contacts behind them).
        """
        arms = self.tables.shape[2]
        mean, square = np.zeros((len(states), arms)), np.zeros((len(states), arms))
        for band in np.unique(offset):
            rows = offset == band
            weight = states[rows]
            mean[rows] = weight @ self.tables[band]
            square[rows] = weight @ self.tables[band] ** 2
        support = self.segment_evidence.mean() / arms + self.cell_evidence
        variance = np.maximum(square - mean**2, 0) + mean * (1 - mean) / support
        return mean, np.sqrt(variance)

    def share_evidence(self, own_count: Reals, segment: Ints) -> tuple[Reals, Reals, Reals]:
        """Return which shares of the evidence are the customer's own, the segment's and everybody's."""
        own = own_count / (own_count + self.prior_evidence)
        contacts = self.segment_evidence[segment]
        of_segment = contacts / (contacts + self.cell_evidence * self.tables.shape[2])
        return own, (1 - own) * of_segment, (1 - own) * (1 - of_segment)


def fit_response(contacts: Contacts, segments: Ints, sizes: Sizes, seed: int) -> ResponseModel:
    """Return the model fitted to past contacts.

    Parameters
    ----------
    contacts : at least one.
    segments : segment of every customer, those never contacted included.
    sizes : of the code lists.
    seed : of the assignment of customers to folds.

    Notes
    -----
    Cells of segment, channel, slot and offset are beta-binomial means: everybody's cell shrunk to the
    channel, the segment's to everybody's, each with a weight found by moments (empirical Bayes; Robbins,
    1956). A ridge logistic regression (Hoerl & Kennard, 1970) on the same codes and their pairs fills what
    the cells are too thin for. Both are averaged in log-odds with the weight that predicts held-out
    customers best. A customer answers as one of the segments, the own one most likely, and may have a
    channel and a slot of their own; how likely each is follows from their answers (latent classes, fitted
    by expectation and maximisation; Dempster, Laird & Rubin, 1977). How much an own channel or slot matters
    is averaged over what is likely, nothing included (Hoeting et al., 1999).
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # The systems are small: one thread is faster than handing them out, and gives the same last digits everywhere.
    with threadpool_limits(limits=1, user_api="blas"):
        return _fit(contacts, segments, sizes, seed)


def _fit(contacts: Contacts, segments: Ints, sizes: Sizes, seed: int) -> ResponseModel:
    blend = _choose_blend(contacts, sizes, seed)
    cells, evidence = _fit_blended(contacts, sizes, None, blend)
    prior = _believe(sizes, np.eye(sizes.segments)[segments], segments)
    shifts = (0.0, 0.0)
    for _ in range(_MIXING_ROUNDS):
        states, _ = _weigh_states(contacts, _tabulate(cells, sizes, shifts), prior[segments], sizes)
        membership = states.reshape(sizes.customers, sizes.segments, -1).sum(axis=2)
        cells, evidence = _fit_blended(contacts, sizes, membership, blend)
        prior = _believe(sizes, membership, segments)
    shifts = _choose_shifts(contacts, segments, sizes, cells, prior)
    for _ in range(_LAST_ROUNDS):
        states, _ = _weigh_states(contacts, _tabulate(cells, sizes, shifts), prior[segments], sizes)
        membership = states.reshape(sizes.customers, sizes.segments, -1).sum(axis=2)
        cells, evidence = _fit_blended(contacts, sizes, membership, blend)
        prior = _believe(sizes, membership, segments)
    tables = _tabulate(cells, sizes, shifts)
    return ResponseModel(
        tables=tables,
        prior=prior,
        sizes=sizes,
        prior_evidence=_measure_prior(tables, prior),
        segment_evidence=np.bincount(contacts.segment, minlength=sizes.segments).astype(np.float64),
        cell_evidence=evidence,
        blend=blend,
        shifts=shifts,
    )


def _choose_shifts(
    contacts: Contacts, segments: Ints, sizes: Sizes, cells: Reals, prior: Reals
) -> tuple[float, float]:
    """Return the mean of all shifts, each weighed by how likely it makes some thousands of customers' answers."""
    step = max(1, sizes.customers // _CUSTOMERS_FOR_SHIFTS)
    part = contacts.take(contacts.customer % step == 0)
    part = replace(part, customer=part.customer // step)
    some = segments[::step]
    fewer = replace(sizes, customers=len(some))
    fit = np.array(
        [_weigh_states(part, _tabulate(cells, fewer, shifts), prior[some], fewer)[1] for shifts in _SHIFTS]
    )
    weight = np.exp(fit - fit.max())
    channel, slot = (weight / weight.sum()) @ np.array(_SHIFTS)
    return float(channel), float(slot)


def _choose_blend(contacts: Contacts, sizes: Sizes, seed: int) -> float:
    """Return the weight of the ridge model with which held-out customers are predicted best."""
    fold = np.random.default_rng(seed).permutation(sizes.customers)[contacts.customer] % _FOLDS
    cells, ridge = np.zeros(contacts.count), np.zeros(contacts.count)
    for number in range(_FOLDS):
        inside, outside = fold == number, fold != number
        if inside.any() and outside.any():
            part = contacts.take(inside)
            where = (part.segment, part.channel, part.slot, part.offset)
            cells[inside] = fit_cells(contacts.take(outside), sizes)[0][where]
            ridge[inside] = fit_ridge(contacts.take(outside), sizes)[where]
    losses = [log_loss((1 - share) * cells + share * ridge, contacts.paid) for share in _BLENDS]
    return _BLENDS[int(np.argmin(losses))]


def _fit_blended(
    contacts: Contacts, sizes: Sizes, membership: Reals | None, blend: float
) -> tuple[Reals, float]:
    cells, evidence = fit_cells(contacts, sizes, membership)
    return (1 - blend) * cells + blend * fit_ridge(contacts, sizes, membership), evidence


def _believe(sizes: Sizes, membership: Reals, segments: Ints) -> Reals:
    """Return segments × segments: how likely a customer called one answers as another."""
    prior: Reals = np.eye(sizes.segments)[segments].T @ membership + _LOYALTY * np.eye(sizes.segments) + 1
    prior /= prior.sum(axis=1, keepdims=True)
    return prior


def _tabulate(cells: Reals, sizes: Sizes, shifts: tuple[float, float]) -> Reals:
    """Return offsets × states × arms: the cells, split by own channel and slot so that they stay the mean."""
    odds = np.moveaxis(cells, 3, 0)[:, :, None, None]
    is_own_channel = np.eye(sizes.channels)[:, None, :, None]
    is_own_slot = np.eye(sizes.slots)[None, :, None, :]
    moved = shifts[0] * is_own_channel + shifts[1] * is_own_slot
    base = np.zeros_like(odds)
    for _ in range(_NEWTON_STEPS):
        prob = to_prob(odds + base + moved)
        gap = to_prob(odds) - prob.mean(axis=(2, 3), keepdims=True)
        base = base + gap / (prob * (1 - prob)).mean(axis=(2, 3), keepdims=True)
    table = to_prob(odds + base + moved)
    return table.reshape(sizes.offsets, -1, sizes.channels * sizes.slots)


def _weigh_states(contacts: Contacts, tables: Reals, prior: Reals, sizes: Sizes) -> tuple[Reals, float]:
    """Return customers × states, the probability of each after the contacts, and the log-likelihood."""
    from scipy.sparse import csr_array

    per_segment = sizes.channels * sizes.slots
    fit = np.repeat(np.log(prior / per_segment), per_segment, axis=1)
    arm = contacts.channel * sizes.slots + contacts.slot
    place = np.ravel_multi_index((contacts.offset, arm), (sizes.offsets, per_segment))
    hit = np.moveaxis(tables, 1, 2).reshape(-1, tables.shape[1])
    answered, ignored = np.log(hit), np.log1p(-hit)
    # A sparse product adds up each customer's contacts without a row of states for each of them.
    spot = contacts.customer, place
    shape = len(fit), len(hit)
    fit += csr_array((np.ones(contacts.count), spot), shape) @ ignored
    fit += csr_array((contacts.paid, spot), shape) @ (answered - ignored)
    top = fit.max(axis=1, keepdims=True)
    weight = np.exp(fit - top)
    total = weight.sum(axis=1, keepdims=True)
    return weight / total, float((top + np.log(total)).sum())


def _measure_prior(tables: Reals, prior: Reals) -> float:
    """Return how many contacts the segment's figures are worth for one of its customers, by moments."""
    per_segment = tables.shape[1] // len(prior)
    weight = np.repeat(prior, per_segment, axis=1) / per_segment
    mean = weight @ tables.mean(axis=0)
    spread = weight @ tables.mean(axis=0) ** 2 - mean**2
    noise = (mean * (1 - mean)).mean()
    return float(np.clip(noise / max(spread.mean(), 1e-6) - 1, 1, MOST_EVIDENCE))
