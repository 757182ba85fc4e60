"""A whole world: its ledger as it stands on the last day, and the truth that was planted in it.

Belongs here: the order in which a world comes about. Does not belong here: files (writing).
"""

from dataclasses import dataclass, field

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.simulator.bad_rows import BadRow, list_bad_rows
from segmentation.simulator.behaviour import draw_behaviour
from segmentation.simulator.cash import book_cash
from segmentation.simulator.contact_frames import contact_frames
from segmentation.simulator.contacts import run_contacts
from segmentation.simulator.customer_frames import block_frame, customer_frames, reachability_frames
from segmentation.simulator.customers import draw_population
from segmentation.simulator.days import BusinessDays, day_number
from segmentation.simulator.document_frames import cash_frames, dispute_frame, invoice_frames
from segmentation.simulator.holds import draw_holds
from segmentation.simulator.identifiers import Identifiers
from segmentation.simulator.invoices import draw_documents
from segmentation.simulator.reachability import draw_reachability
from segmentation.simulator.settings import WorldSettings
from segmentation.simulator.truth import truth_frames


@dataclass(frozen=True, slots=True)
class World:
    """A simulated ledger and what was planted in it.

    Parameters
    ----------
    ledger : typed frames by canonical file stem (``customer``, ``invoice`` ...), every version of a row.
    truth : planted truth: ``customer``, ``invoice``, ``contact``, ``response``.
    bad_rows : source rows that cannot be right, as text; empty unless asked for.
    """

    ledger: Frames
    truth: Frames
    bad_rows: tuple[BadRow, ...] = field(default=())


def simulate_world(settings: WorldSettings) -> World:
    """Return a world of customers who pay, forget, dispute and are reminded, until the last day.

    Parameters
    ----------
    settings : size, seed, span and switches; the same settings give the same world.

    Notes
    -----
    Per instalment: late with the customer's planted probability (or through the supplier's doing), then a
    delay, kept to the customer's payment runs. Overdue customers are contacted week by week by a logging
    policy with known probabilities; an effective contact brings payment forward. Bookings up to the last
    day make the ledger.
    """
    first, last = day_number(settings.start_day), day_number(settings.end_day)
    calendar = BusinessDays(settings.start_day, settings.end_day)
    population = draw_population(settings, calendar)
    documents, parts = draw_documents(settings, population, calendar)
    behaviour = draw_behaviour(settings, population, parts, calendar)
    reach = draw_reachability(settings, population, calendar)
    holds = draw_holds(settings, population, calendar)
    course = run_contacts(settings, population, parts, behaviour, reach, holds, calendar)
    cash = book_cash(settings, population, documents, parts, behaviour, course, calendar, last)
    names = Identifiers(population.count, documents.count, len(cash.allocations.part))
    contacts, contact_number = contact_frames(
        settings.seed, population, parts, behaviour, course, cash, calendar, names, last
    )
    ledger: dict[str, pl.DataFrame] = {
        **customer_frames(settings.seed, population, names, first, last),
        **reachability_frames(population, reach, names, first, last),
        **invoice_frames(population, documents, parts, course, reach, cash, names, last),
        **cash_frames(population, parts, cash, names, last),
        **contacts,
        "dispute": dispute_frame(settings.seed, parts, behaviour, cash, names, last),
        "dunning_block": block_frame(parts, holds, cash, names, last),
    }
    truth = truth_frames(settings, population, parts, behaviour, course, cash, contact_number, names, last)
    return World(
        ledger=ledger,
        truth=truth,
        bad_rows=list_bad_rows(settings.end_day) if settings.with_bad_rows else (),
    )
