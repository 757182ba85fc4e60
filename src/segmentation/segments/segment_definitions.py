"""What every segment means, in two sentences for the people who work with it.

Belongs here: the words, which hold for both models of paying behaviour, and their version. Does not belong here:
assigning segments (rules).
"""

import polars as pl

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.settings import SegmentSettings
from segmentation.domain.vocabulary import Segment

VERSION = 2
"""Raised with every change of the rules or of what their bounds are held against."""

_SENTENCES = {
    Segment.PROMPT: "By the habit it has now, the customer pays fewer than {prompt_late_share:.0%} of its instalments late, "
    "as far as can be told. A single late one among many does not change that.",
    Segment.INCIDENTAL: "It is at most {incidental_prob:.0%} likely that by the habit it has now the customer pays more than "
    "half of its instalments late. Delays are the exception, not the habit.",
    Segment.STRUCTURAL: "It is at least {structural_prob:.0%} likely that by the habit it has now the customer pays more than "
    "half of its instalments late. The late ones fell due at least {persistence_days} days apart, so that one bad week is no "
    "habit.",
    Segment.UNDECIDED: "What is known points to neither side clearly enough: not to a habit of paying late, and not to an "
    "exception. More instalments will tell, and until then no habit is assumed.",
    Segment.INSUFFICIENT_HISTORY: "Fewer than {min_settled} instalments have been paid or have fallen due. That is too few to "
    "speak of a habit, so nothing is said.",
}


def define_segments(settings: SegmentSettings) -> pl.DataFrame:
    """Return the definition of every segment with the bounds in force (``pred_segment_definition``).

    Parameters
    ----------
    settings : bounds of the segments.
    """
    bounds = settings.model_dump()
    return ROOM_TABLES["pred_segment_definition"].conform(
        pl.DataFrame(
            [
                {
                    "segment": segment.value,
                    "version": VERSION,
                    "definition": _SENTENCES[segment].format(**bounds).replace("%", " %"),
                }
                for segment in Segment
            ]
        )
    )
