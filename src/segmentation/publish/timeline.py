"""The history of every customer as sentences that a credit manager reads at a glance.

Belongs here: one sentence per event of the ledger. Does not belong here: interpretation. Names, message
texts and reasons typed by people stay in the ledger.
"""

import polars as pl

from segmentation.domain.published_tables import TIMELINE
from segmentation.domain.schema import Frames
from segmentation.publish.timeline_contacts import tell_contacts
from segmentation.publish.timeline_money import tell_money
from segmentation.publish.timeline_states import tell_states


def tell_timeline(frames: Frames) -> pl.DataFrame:
    """Return every event of every customer in words, as ``out_timeline``.

    Parameters
    ----------
    frames : all ``core_`` tables by name.

    Notes
    -----
    Money that is matched to nobody, or to several customers, has no customer to tell it to, and is left out. Days without a time
    stand at midnight UTC.
    """
    events = pl.concat([*tell_money(frames), *tell_contacts(frames), *tell_states(frames)], how="diagonal")
    return TIMELINE.conform(events.filter(pl.col("customer_id").is_not_null()))
