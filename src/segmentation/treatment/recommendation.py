"""The next step for every customer with something open: one lawful step, or to wait, with reasons.

Belongs here: the order of the work, and what is joint between customers: what contact brings, and the calls of a
day. Does not belong here: what is worked out of each portion of customers (situation, weighing, advice), judgement
over groups.
"""

from datetime import date

import polars as pl

from segmentation.domain.room_tables import GATE, INSTALMENT_RISK, SEGMENT
from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.side_by_side import work_on
from segmentation.treatment.advice import RECOMMENDATION, advise
from segmentation.treatment.answers import compare_answers, find_answers
from segmentation.treatment.arms import learn_arms
from segmentation.treatment.choice import find_beyond_capacity, list_calls
from segmentation.treatment.circumstances import mark_contacts
from segmentation.treatment.exposure import list_closed_invoices
from segmentation.treatment.open_ways import find_ways
from segmentation.treatment.portions import PORTION_CUSTOMERS, Portions, drain
from segmentation.treatment.reminder_levels import REMINDERS, list_reminders
from segmentation.treatment.response import learn_response
from segmentation.treatment.scenario import load_scenario
from segmentation.treatment.situation import Terms, describe_accounts
from segmentation.treatment.weighing import weigh_steps


def recommend_steps(  # noqa: PLR0917  frames travel as arguments
    ledger: Frames,
    instalment_risk: pl.DataFrame,
    segment: pl.DataFrame,
    gate: pl.DataFrame,
    as_of: date,
    settings: TreatmentSettings,
    seed: int = 0,
    portion_customers: int = PORTION_CUSTOMERS,
) -> pl.DataFrame:
    """Return the next step for every customer with something open, waiting being one of the steps.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day; core_instalment_balance says what is open.
    instalment_risk : pred_instalment_risk; instalments without a score take documented defaults.
    segment : pred_segment; customers without one are treated as having insufficient history.
    gate : act_gate of the same day.
    as_of : as-of day; the recommended window starts on it or later.
    settings : costs, days, capacity, fallback jurisdiction, policy version, exploration.
    seed : of draws in exploration and of folds in the response model.
    portion_customers : how many customers are worked on at a time; changes memory and time, never the advice.

    Returns
    -------
    act_recommendation, one row per customer with something open, in one currency (exposure says
    which; amounts are never converted). ``expected_value_amount`` is 0 for wait. Evidence shares are
    null where no step was in question. ``blocked_by`` holds the gates that leave nothing to do; gates
    of single channels or invoices that leave a way are respected without being listed.
    ``earliest_lawful_at`` is the first lawful hour once the last of them has lifted. ``open_channels``
    and the contact hours say what a person who chooses another step must keep to.

    Notes
    -----
    Rules before values: a gate closed for the account always means wait. The scenario then says which
    steps are in question at these days beyond terms and this dunning level, the channel is the first
    open one (stated preference, then the scenario's order), and among the steps whose value has a
    lower end above nil the one worth most is taken, the gentler one on a tie. A reminder, formal notice or legal
    review is about the debts of one dunning level only, since each debt has to have had its own first reminder. Formal notices and legal
    reviews need two and three earlier levels and a named person; natural persons, customers of unknown
    legal form, customers thought unwilling to pay and payment plans need approval for whatever step is
    recommended, and so does matching money that waits on the account; waiting needs none. Where enough
    contacts are on record, the channel is the one that the customer answers best for its cost, stated
    preferences still first. Without exploration nothing is random and propensity is 1.
    """
    scenario = load_scenario()
    terms = Terms(as_of, settings, scenario, find_ways(ledger, scenario), seed)
    book = {
        **ledger,
        "core_contact_event": mark_contacts(ledger),
        REMINDERS: list_reminders(ledger),
        INSTALMENT_RISK.name: instalment_risk,
        SEGMENT.name: segment,
        GATE.name: gate,
    }
    return _put_in_order(pl.concat(_advise_portions(book, terms, portion_customers)))


def _advise_portions(book: Frames, terms: Terms, portion_customers: int) -> list[pl.DataFrame]:
    """Return act_recommendation a portion at a time; what it was made from is let go on return."""
    owing = book["core_instalment_balance"].filter("is_open")["customer_id"]
    portions = Portions(book, owing, portion_customers)
    closed = list_closed_invoices(book[GATE.name])
    accounts = work_on(lambda part: describe_accounts(part, closed, terms), portions)

    people = pl.concat(one.situation.select("customer_id", "segment", "act_days_late") for one in accounts)
    found = work_on(
        lambda part, own: find_answers(part, own, terms.as_of, terms.scenario),
        portions,
        portions.cut(people.drop("act_days_late")),
    )
    answers = compare_answers(list(drain(found)), terms.scenario)
    response = learn_response(answers, terms.scenario)
    arms = learn_arms(answers, book, people, terms.settings, terms.seed)

    weighed = work_on(lambda part, one: weigh_steps(part, one, response, arms, terms), portions, accounts)
    calls = pl.concat(list_calls(one.ranked) for one in weighed)
    beyond = find_beyond_capacity(calls, terms.settings.calls_per_day)
    return work_on(
        lambda part, one, steps: advise(part, one, steps, beyond, terms),
        portions,
        drain(accounts),
        drain(weighed),
    )


def _put_in_order(advice: pl.DataFrame) -> pl.DataFrame:
    """Return act_recommendation in order of its key, and take the columns out of ``advice`` one by one.

    A whole table beside its sorted copy would be the most memory that anything here needs.
    """
    order = advice.select(pl.arg_sort_by(RECOMMENDATION.key)).to_series()
    return pl.DataFrame(
        [advice.drop_in_place(name).rechunk().gather(order) for name in RECOMMENDATION.column_names]
    )
