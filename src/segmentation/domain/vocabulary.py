"""The words of the product: every closed list of values that a column may hold.

Belongs here: string enumerations used by more than one room. Does not belong here: thresholds
(settings), table definitions (schema, core_tables, room_tables, published_tables).
"""

from enum import StrEnum


class PartyType(StrEnum):
    """Who the customer is in law; an unknown party type takes the strictest rules."""

    CONSUMER = "consumer"
    SOLE_TRADER = "sole_trader"
    LEGAL_PERSON = "legal_person"
    PUBLIC_BODY = "public_body"


class Channel(StrEnum):
    """A way to reach a customer."""

    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    PHONE = "phone"
    LETTER = "letter"
    REGISTERED_LETTER = "registered_letter"
    PORTAL = "portal"


class DocumentType(StrEnum):
    """What a receivable document is; a credit note carries a positive amount that reduces the balance."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    DEBIT_NOTE = "debit_note"
    PREPAYMENT = "prepayment"


class PaymentMethod(StrEnum):
    """How money arrives."""

    TRANSFER = "transfer"
    DIRECT_DEBIT = "direct_debit"
    CARD = "card"


class PermissionStatus(StrEnum):
    """Whether a customer may be contacted through a channel."""

    ALLOWED = "allowed"
    OPT_OUT = "opt_out"
    DO_NOT_CONTACT = "do_not_contact"


class Direction(StrEnum):
    """Who started a contact."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


class OutcomeCode(StrEnum):
    """What a contact brought to light."""

    NOT_RECEIVED = "not_received"
    AWAITING_APPROVAL = "awaiting_approval"
    DISPUTED = "disputed"
    IN_PAYMENT_RUN = "in_payment_run"
    PAYMENT_SENT = "payment_sent"
    UNREACHABLE = "unreachable"
    CANNOT_PAY = "cannot_pay"
    WILL_NOT_PAY = "will_not_pay"
    PROMISE = "promise"


class PromiseStatus(StrEnum):
    """How a promise to pay ended, as the source recorded it."""

    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"
    PARTIAL = "partial"


class PlanStatus(StrEnum):
    """State of a payment plan."""

    RUNNING = "running"
    COMPLETED = "completed"
    BROKEN = "broken"


class DisputeOutcome(StrEnum):
    """How a dispute ended: upheld means that the customer was right."""

    UPHELD = "upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class BlockScope(StrEnum):
    """What a dunning block covers."""

    CUSTOMER = "customer"
    INVOICE = "invoice"


class BlockReason(StrEnum):
    """Why a dunning block was set."""

    INSOLVENCY = "insolvency"
    DEBT_MEDIATION = "debt_mediation"
    VULNERABILITY = "vulnerability"
    MANUAL = "manual"


class CoveredBy(StrEnum):
    """What brought an instalment's balance to nil; only a payment says something about paying."""

    PAYMENT = "payment"
    CREDIT_NOTE = "credit_note"
    WRITE_OFF = "write_off"


class Segment(StrEnum):
    """Paying behaviour of a customer; undecided is neither clearly incidental nor clearly structural."""

    PROMPT = "prompt"
    INCIDENTAL = "incidental"
    STRUCTURAL = "structural"
    UNDECIDED = "undecided"
    INSUFFICIENT_HISTORY = "insufficient_history"


class Cause(StrEnum):
    """A hypothesis about why a customer pays late, never a fact about a person."""

    FORGETFUL = "forgetful"
    ADMINISTRATIVE = "administrative"
    DISPUTING = "disputing"
    CANNOT_PAY = "cannot_pay"
    WILL_NOT_PAY = "will_not_pay"
    UNCLEAR = "unclear"


class ChangeReason(StrEnum):
    """What moved a customer from one segment to another since the previous snapshot."""

    BEHAVIOUR = "behaviour"
    MODEL = "model"
    NONE = "none"


class Action(StrEnum):
    """The next step for a customer; waiting is always one of the choices."""

    WAIT = "wait"
    PRE_DUE_NOTICE = "pre_due_notice"
    REMINDER = "reminder"
    CALL = "call"
    PAYMENT_PLAN_OFFER = "payment_plan_offer"
    DISPUTE_FOLLOW_UP = "dispute_follow_up"
    SELF_SERVICE_LINK = "self_service_link"
    THANK_YOU = "thank_you"
    MATCH_CREDIT = "match_credit"
    FORMAL_NOTICE = "formal_notice"
    LEGAL_REVIEW = "legal_review"


ACTIONS_BECAUSE_OF_GATE = frozenset({Action.DISPUTE_FOLLOW_UP, Action.MATCH_CREDIT})
"""Steps within the own organisation that a closed gate calls for."""

ACTIONS_WITHOUT_CONTACT = frozenset({Action.WAIT, Action.LEGAL_REVIEW}) | ACTIONS_BECAUSE_OF_GATE
"""Steps that reach nobody outside the own organisation: they have neither channel nor window."""

FORMAL_ACTIONS = frozenset({Action.FORMAL_NOTICE, Action.LEGAL_REVIEW})
"""Steps that need reminders, time and an amount before them."""


class Stage(StrEnum):
    """How far collection has come: each stage follows the one before it, after its waiting period."""

    BEFORE_DUE = "before_due"
    AMICABLE = "amicable"
    FORMAL = "formal"
    JUDICIAL = "judicial"


class MatchRule(StrEnum):
    """What a payment without an allocation was matched by; see ledger.matching.rules."""

    STRUCTURED_REFERENCE = "structured_reference"
    END_TO_END_ID = "end_to_end_id"
    INVOICE_NUMBER = "invoice_number"
    INVOICE_NUMBERS = "invoice_numbers"
    PAYER_AND_AMOUNT = "payer_and_amount"
    PAYER_AND_TOTAL = "payer_and_total"
    PAYER = "payer"
    AMOUNT = "amount"


class MatchStatus(StrEnum):
    """What became of a payment that its source did not allocate."""

    MATCHED = "matched"
    AMBIGUOUS = "ambiguous"
    UNMATCHED = "unmatched"


class Tone(StrEnum):
    """Tone of a message; it follows from step and cause and is never optimised."""

    FRIENDLY = "friendly"
    NEUTRAL = "neutral"
    SUPPORTIVE = "supportive"
    FORMAL = "formal"


class BlockCode(StrEnum):
    """Reason code of a closed gate."""

    NOTHING_OPEN = "nothing_open"
    UNMATCHED_CASH = "unmatched_cash"
    CREDIT_AVAILABLE = "credit_available"
    OPEN_DISPUTE = "open_dispute"
    OPEN_PROMISE = "open_promise"
    RUNNING_PLAN = "running_plan"
    INSOLVENCY = "insolvency"
    DEBT_MEDIATION = "debt_mediation"
    VULNERABILITY = "vulnerability"
    MANUAL_BLOCK = "manual_block"
    DO_NOT_CONTACT = "do_not_contact"
    CHANNEL_NOT_PERMITTED = "channel_not_permitted"
    CHANNEL_UNREACHABLE = "channel_unreachable"
    CONTACT_CAP = "contact_cap"
    COOL_DOWN = "cool_down"
    AWAITING_DECISION_EFFECT = "awaiting_decision_effect"
    WAITING_PERIOD = "waiting_period"
    CLOSED_HOURS = "closed_hours"
    DEBT_CHANGED = "debt_changed"
    QUARANTINED_ROWS = "quarantined_rows"
    STALE_SOURCE = "stale_source"


MONEY_GATES = (BlockCode.UNMATCHED_CASH.value, BlockCode.CREDIT_AVAILABLE.value)
"""Gates that a person opens by matching money or credit to an invoice."""

PAUSES = (
    BlockCode.CONTACT_CAP.value,
    BlockCode.COOL_DOWN.value,
    BlockCode.WAITING_PERIOD.value,
    BlockCode.RUNNING_PLAN.value,
)
"""Gates that hold back contact only: work within the own organisation goes on."""

GATES_WORKED_BEHIND = {
    Action.DISPUTE_FOLLOW_UP.value: (BlockCode.OPEN_DISPUTE.value, *PAUSES),
    Action.MATCH_CREDIT.value: (*MONEY_GATES, *PAUSES),
}
"""Gates behind which a step within the own organisation goes on: those that call for it, and pauses."""


class ScoreStatus(StrEnum):
    """Whether a downstream system may rely on a score; all but scored mean: use your default."""

    SCORED = "scored"
    INSUFFICIENT_HISTORY = "insufficient_history"
    STALE = "stale"
    SUPPRESSED = "suppressed"


class Verdict(StrEnum):
    """Outcome of a bias comparison or of the gate over all of them."""

    BLOCK = "block"
    PASS = "pass"  # noqa: S105  a verdict, not a password
    INCONCLUSIVE = "inconclusive"
    NOT_ASSESSABLE = "not_assessable"


class Decision(StrEnum):
    """What a credit manager did with a recommendation; withdraw takes an earlier decision on it back."""

    ACCEPT = "accept"
    ADJUST = "adjust"
    IGNORE = "ignore"
    WITHDRAW = "withdraw"


class ChangeOperation(StrEnum):
    """How a published row differs from the previous snapshot."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    ERASE = "erase"
