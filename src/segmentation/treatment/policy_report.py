"""What another policy would have brought, judged on a ledger's own contacts.

Belongs here: contacts of a ledger as a log of arms and rewards, the policies that are compared, the report.
Does not belong here: the estimators (off_policy), simulated worlds (battery).
"""

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.settings import Settings, TreatmentSettings
from segmentation.ledger.balances import recall_ledger
from segmentation.segments.segmentation import segment_customers
from segmentation.treatment.answers import list_answers
from segmentation.treatment.arms import add_slots
from segmentation.treatment.contact_gates import list_outbound
from segmentation.treatment.contact_hours import SLOT_HOURS
from segmentation.treatment.gates import list_closed_channels
from segmentation.treatment.off_policy import FOLDS, Estimate, Log, compare_with_log, evaluate_policy
from segmentation.treatment.response_cells import Contacts, Ints, Reals, Sizes
from segmentation.treatment.response_model import fit_response
from segmentation.treatment.scenario import Scenario, load_scenario

_LEAST_CONTACTS = 300
_LEAST_PER_ARM = 50
_DAYS_IN_YEAR = 365
_SHARE_BEFORE = 1 / 3
"""Of the contacts: those before the day on which customers are segmented. Without any, segments would know nothing."""


def report_policy(ledger: Frames, as_of: date, settings: Settings) -> dict[str, Any]:
    """Return what the learned policy, the best fixed arm and the policy in force brought or would have brought.

    Parameters
    ----------
    ledger : all core_ tables as known on the as-of day.
    as_of : contacts count whose response days were over before it.
    settings : bounds of the segments; costs of capital, of contacts and of annoyance, in the ledger's commonest
        currency; default time zone; seed of the folds.

    Returns
    -------
    ``since`` and ``currency`` of the instalments that contacts were about (and of every value), ``contacts``,
    ``customers``, ``arms`` (channels tried 50 times at least, which a policy may choose), ``basis``
    (logged propensities, or observational ones), ``policies`` by name and ``gain_over_current``: value per
    contact with a 95 % interval (the gain: 90 %, of which the lower end decides), snips, effective contacts,
    and why there is no figure where there is none; ``may_be_published``. Where the ledger has too few contacts,
    ``refused_because`` says so.

    Notes
    -----
    The context in which a policy chooses is lateness and the customer's segment as it was known on one day, by which
    a third of the contacts had been made. Judged are contacts about what fell due from that day on: no payment that
    followed them has had a say in the segment. It grows old, which costs the learned policy some of its value.
    A policy chooses among the channels that were open to the customer on that day. Arms are channels, since channels are what is drawn (``exploration``): a logged propensity is that of the channel.
    Contacts through a channel that was hardly tried are judged too; without them, what was logged would no longer be
    the probability of what is left.
    Instalments in other currencies than the commonest are left out, since amounts of several have no sum.

    Reward: what was paid within the response days beyond what is paid in as many days without contact by
    the same segment at the same lateness, times what an answer gains for the median overdue amount, less cost and
    annoyance. So no contact is worth nil by definition. The learned policy is cross-fitted by customer: nobody is
    advised by a model that saw their own answers. The best fixed arm is chosen on the same contacts, which flatters it.
    """
    scenario = load_scenario()
    since = _choose_first_day(ledger, as_of)
    known_then = recall_ledger(ledger, since)
    people = segment_customers(known_then, since, settings.segments)
    due_since = ledger["core_instalment_balance"].filter(pl.col("due_date") >= since)
    currency = _find_commonest(due_since["currency"])
    judged = {**ledger, "core_instalment_balance": due_since.filter(pl.col("currency") == currency)}
    answers = add_slots(
        list_answers(judged, people.select("customer_id", "segment"), as_of, scenario),
        ledger,
        settings.treatment,
    )
    rows = answers.join(_recall_propensities(ledger, settings.treatment), on="contact_id").sort(
        "customer_id", "contact_id"
    )
    channels = rows["channel"].unique().sort().to_list()
    often = rows.filter(pl.len().over("channel") >= _LEAST_PER_ARM)["channel"].unique()
    head: dict[str, Any] = {
        "since": since.isoformat(),
        "currency": currency,
        "contacts": rows.height,
        "customers": rows["customer_id"].n_unique(),
        "arms": often.sort().to_list(),
    }
    if rows.height < _LEAST_CONTACTS or often.is_empty():
        return head | {"refused_because": f"Fewer than {_LEAST_CONTACTS} contacts whose outcome is known."}
    gain, cost = _price(rows, channels, scenario, settings.treatment)
    log, contacts, sizes = _as_log(rows, channels, gain, cost)
    offered = _find_offered(known_then, since, settings.treatment, rows["customer_id"], channels, often)
    learned = _learn(contacts, sizes, offered, gain, cost, settings.seed)
    current, better, may_be_published = compare_with_log(log, learned)
    fixed = {
        name: evaluate_policy(log, np.eye(len(channels))[np.full(log.count, place)])
        for place, name in enumerate(channels)
        if name in often
    }
    known = {name: told for name, told in fixed.items() if told.value is not None}
    best = max(known, key=lambda name: known[name].value or 0.0, default=None)
    policies = {"current": current, "learned": evaluate_policy(log, learned)}
    told = {name: _tell(estimate) for name, estimate in policies.items()}
    told["best_fixed_arm"] = (
        {"arm": best} | _tell(known[best])
        if best
        else {"refused_because": "No arm can be told from this log."}
    )
    told["no_contact"] = {"value": 0.0, "note": "by definition: values are counted over no contact"}
    return head | {
        "basis": current.basis.value,
        "worth_of_an_answer": round(gain, 4),
        "policies": told,
        "gain_over_current": _tell(better),
        "may_be_published": may_be_published,
    }


def _recall_propensities(ledger: Frames, settings: TreatmentSettings) -> pl.DataFrame:
    """Return ``contact_id`` and with which probability its arm was chosen among all who were contacted.

    What was logged for a drawn arm leaves room for the holdout, which is no arm here: only contacts are judged.
    """
    logged = pl.col("propensity")
    contacted = (logged / (1 - settings.exploration.holdout_share)).clip(upper_bound=1.0)
    return ledger["core_contact_event"].select(
        "contact_id", pl.when(logged < 1).then(contacted).otherwise(logged).alias("propensity")
    )


def _choose_first_day(ledger: Frames, as_of: date) -> date:
    """Return the day by which a third of the contacts had been made; the as-of day when there are none."""
    days = list_outbound(ledger)["sent_on"].sort()
    return days[int(days.len() * _SHARE_BEFORE)] if days.len() else as_of


def _find_commonest(words: pl.Series) -> str | None:
    """Return the most frequent word, the first in the alphabet among equals; null when there is none."""
    counts = words.value_counts(name="count").sort("count", words.name, descending=[True, False])
    return counts[words.name][0] if counts.height else None


def _price(
    rows: pl.DataFrame, channels: list[str], scenario: Scenario, settings: TreatmentSettings
) -> tuple[float, Reals]:
    """Return what an answer about the median amount gains (see ``value.value_steps``), and what each channel costs."""
    days = scenario.default_remaining_days - scenario.response_days / 2
    rate = settings.annual_cost_of_capital / _DAYS_IN_YEAR + scenario.loss_share_per_day
    amount = rows["amount"].cast(pl.Float64).median()
    gain = days * (float(str(amount)) * rate + float(scenario.handling_cost_per_day))
    costs = {channel: float(cost) for channel, cost in settings.contact_cost.items()}
    each = [costs.get(channel, 0.0) + float(settings.annoyance_cost) for channel in channels]
    return gain, np.array(each)


def _as_log(rows: pl.DataFrame, channels: list[str], gain: float, cost: Reals) -> tuple[Log, Contacts, Sizes]:
    def code(name: str, words: list[str]) -> Ints:
        places = {word: place for place, word in enumerate(words)}
        return rows[name].replace_strict(places, return_dtype=pl.Int64).to_numpy()

    segments = rows["segment"].unique().sort().to_list()
    people = rows["customer_id"].unique().sort().to_list()
    customer, of_segment, arm = (
        code("customer_id", people),
        code("segment", segments),
        code("channel", channels),
    )
    band = rows["band"].cast(pl.Int64).to_numpy()
    bands = int(band.max()) + 1
    reward = (rows["paid_share"] - rows["baseline"]).to_numpy() * gain - cost[arm]
    is_logged = rows["propensity"].null_count() == 0
    log = Log(
        customer=customer,
        stratum=of_segment * bands + band,
        arm=arm,
        reward=reward,
        propensity=rows["propensity"].to_numpy() if is_logged else None,
    )
    contacts = Contacts(
        customer,
        of_segment,
        arm,
        rows["slot_code"].cast(pl.Int64).to_numpy(),
        band,
        rows["paid"].to_numpy(),
    )
    return log, contacts, Sizes(len(people), len(segments), len(channels), len(SLOT_HOURS), bands)


def _find_offered(  # noqa: PLR0917  pieces of one computation
    known: Frames,
    since: date,
    settings: TreatmentSettings,
    customers: pl.Series,
    channels: list[str],
    often: pl.Series,
) -> npt.NDArray[np.bool_]:
    """Return rows × channels: tried often, and open to the customer as was known on the first day.

    Where none is, all that were tried often.
    """
    closed = list_closed_channels(known, since, settings).group_by("customer_id").agg("channel")
    of_row = pl.DataFrame({"customer_id": customers}).join(
        closed, on="customer_id", how="left", maintain_order="left"
    )
    is_open = of_row.select(
        (~pl.col("channel").list.contains(channel).fill_null(value=False)).alias(channel)
        for channel in channels
    ).to_numpy()
    tried = np.isin(channels, often.to_list())
    offered: npt.NDArray[np.bool_] = tried & (is_open | ~(is_open & tried).any(axis=1, keepdims=True))
    return offered


def _learn(  # noqa: PLR0917  pieces of one computation
    contacts: Contacts, sizes: Sizes, offered: npt.NDArray[np.bool_], gain: float, cost: Reals, seed: int
) -> Reals:
    """Return rows × channels: the one that a model fitted to the other folds' customers finds worth most.

    The hour stays as it was: it is not what was drawn.
    """
    of_customer = np.zeros(sizes.customers, dtype=np.int64)
    of_customer[contacts.customer] = contacts.segment
    fold = contacts.customer % FOLDS
    policy = np.zeros((contacts.count, sizes.channels))
    nobody = contacts.take(np.zeros(contacts.count, dtype=np.bool_))
    for number in range(FOLDS):
        model = fit_response(contacts.take(fold != number), of_customer, sizes, seed)
        inside = np.flatnonzero(fold == number)
        states = model.weigh_states(nobody, contacts.segment[inside])
        places = np.arange(sizes.channels) * sizes.slots + contacts.slot[inside, None]
        prob = np.take_along_axis(model.predict(states, contacts.offset[inside])[0], places, axis=1)
        worth = np.where(offered[inside], prob * gain - cost, -np.inf)
        policy[inside, worth.argmax(axis=1)] = 1.0
    return policy


def _tell(estimate: Estimate) -> dict[str, Any]:
    figures = {"value": estimate.value, "low": estimate.low, "high": estimate.high, "snips": estimate.snips}
    told: dict[str, Any] = {
        name: None if figure is None else round(figure, 4) for name, figure in figures.items()
    }
    return told | {
        "effective_contacts": round(estimate.effective_count, 1),
        "refused_because": estimate.refused_because,
    }
