"""What every step takes to be lawful: its channels, and the debt that it is about.

Belongs here: one row per step, held to by the scenario, by what a person may choose, and at the moment of carrying
out. Does not belong here: which channels, hours and days a customer leaves open (treatment).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from segmentation.domain.vocabulary import Action, Channel


class Debt(StrEnum):
    """What a customer must owe for a step to be true."""

    NONE = "none"
    OVERDUE = "overdue"
    COMING = "coming"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class StepTerms:
    """What a step takes.

    Parameters
    ----------
    channels : lawful ones; none where nobody outside the own organisation is contacted.
    debt : what the step is about. ``coming`` is lawful up to the due date, and so is ``any`` while nothing is overdue.
    """

    channels: frozenset[Channel] = frozenset()
    debt: Debt = Debt.NONE

    @property
    def is_call(self) -> bool:
        """Whether it is a call, which reaches companies during their office hours only."""
        return Channel.PHONE in self.channels


_POST = frozenset({Channel.LETTER, Channel.REGISTERED_LETTER})
_ELECTRONIC = frozenset({Channel.EMAIL, Channel.SMS, Channel.WHATSAPP, Channel.PORTAL})
_WRITTEN = _POST | _ELECTRONIC

STEP_TERMS: Mapping[Action, StepTerms] = {
    Action.WAIT: StepTerms(),
    Action.PRE_DUE_NOTICE: StepTerms(_WRITTEN, Debt.COMING),
    Action.REMINDER: StepTerms(_WRITTEN, Debt.OVERDUE),
    Action.CALL: StepTerms(frozenset({Channel.PHONE}), Debt.OVERDUE),
    Action.PAYMENT_PLAN_OFFER: StepTerms(_WRITTEN, Debt.OVERDUE),
    Action.DISPUTE_FOLLOW_UP: StepTerms(),
    Action.SELF_SERVICE_LINK: StepTerms(_ELECTRONIC, Debt.ANY),
    Action.THANK_YOU: StepTerms(_WRITTEN),
    Action.MATCH_CREDIT: StepTerms(),
    Action.FORMAL_NOTICE: StepTerms(_POST, Debt.OVERDUE),
    Action.LEGAL_REVIEW: StepTerms(debt=Debt.OVERDUE),
}
"""A reminder by phone is a call; a formal notice must be shown to have been received on paper."""
