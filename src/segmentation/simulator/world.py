"""A whole world: its ledger as it stands on the last day, and the truth that was planted in it.

Belongs here: the order in which a world comes about. Does not belong here: files (writing).
"""

from dataclasses import dataclass, field

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.simulator.arrangement_frames import plan_frame, promise_frame
from segmentation.simulator.bad_rows import BadRow, list_bad_rows
from segmentation.simulator.behaviour import draw_behaviour
from segmentation.simulator.cash import book_cash
from segmentation.simulator.contact_frames import contact_frames, hold_talks
from segmentation.simulator.contacts import run_contacts
from segmentation.simulator.customer_frames import block_frame, customer_frames, reachability_frames
from segmentation.simulator.document_frames import cash_frames, dispute_frame, invoice_frames
from segmentation.simulator.holds import draw_holds
from segmentation.simulator.identifiers import Identifiers
from segmentation.simulator.reachability import draw_reachability
from segmentation.simulator.scene import set_scene
from segmentation.simulator.settings import WorldSettings
from segmentation.simulator.truth import Happening, truth_frames

__all__ = ["World", "WorldSettings", "simulate_world"]


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
    scene = set_scene(settings)
    behaviour = draw_behaviour(scene)
    reach, holds = draw_reachability(scene), draw_holds(scene)
    course = run_contacts(scene, behaviour, reach, holds)
    cash = book_cash(scene, behaviour, course)
    talk = hold_talks(scene, course, cash)
    names = Identifiers(scene.population.count, scene.documents.count, len(cash.allocations.part))
    ledger: dict[str, pl.DataFrame] = {
        **customer_frames(scene, names),
        **reachability_frames(scene, reach, names),
        **invoice_frames(scene, course, reach, cash, names),
        **cash_frames(scene, cash, names),
        **contact_frames(scene, course, talk, names),
        "promise_to_pay": promise_frame(scene, course, cash, talk, names),
        "payment_plan": plan_frame(scene, behaviour, course, names),
        "dispute": dispute_frame(scene, behaviour, cash, names),
        "dunning_block": block_frame(scene, holds, cash, names),
    }
    return World(
        ledger=ledger,
        truth=truth_frames(scene, Happening(behaviour, course, cash, talk), names),
        bad_rows=list_bad_rows(settings.end_day) if settings.with_bad_rows else (),
    )
