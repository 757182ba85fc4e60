"""Tables that the rooms hand to each other between the ledger and the snapshot.

``pred_`` tables come from risk and segments, ``act_`` from treatment, ``audit_`` from fairness.
The ``feat_`` tables are defined with their features (``segmentation.features.definitions``).
"""

from segmentation.domain.columns import (
    CURRENCY,
    amount,
    category,
    date,
    identifier,
    integer,
    key_,
    real,
    text,
    text_list,
)
from segmentation.domain.published_tables import (
    AMOUNT_AT_RISK_COLUMNS,
    AS_OF_DATE,
    CASH_FORECAST,
    FAIRNESS,
    FAIRNESS_HISTORY,
    FAIRNESS_PROXIES,
    FAIRNESS_TRADEOFF,
    GATES,
    MODEL_CARD,
    MODEL_COMPARISON,
    MONITORING,
    PAYMENT_DATE_COLUMNS,
    RECOMMENDATIONS,
    RELIABILITY,
    SEGMENT_COLUMNS,
    SEGMENT_COMPARISON,
    SEGMENT_DEFINITIONS,
    SEGMENT_MODEL,
)
from segmentation.domain.schema import Role, Table, by_name
from segmentation.domain.vocabulary import Segment, Verdict


def _as(name: str, table: Table) -> Table:
    return Table(name, table.grain, table.columns, table.key)


INSTALMENT_RISK = Table(
    "pred_instalment_risk",
    "open instalment",
    (
        key_("invoice_id", "invoice"),
        integer("instalment_number", "1 for the first", required=True, minimum=1),
        identifier("customer_id", "customer", required=True),
        AS_OF_DATE,
        date("due_date", "day on which it must be paid", required=True),
        amount("open_amount", "amount open", required=True),
        CURRENCY,
        integer("days_late", "days beyond terms on the as-of day; negative when not due", required=True),
        *PAYMENT_DATE_COLUMNS,
        *AMOUNT_AT_RISK_COLUMNS,
    ),
    ("invoice_id", "instalment_number"),
)

RISK_REASON = Table(
    "pred_risk_reason",
    "open instalment and reason group",
    (
        key_("invoice_id", "invoice"),
        integer("instalment_number", "1 for the first", required=True, minimum=1),
        category("reason_code", "reason group", required=True),
        real("contribution", "part of the log-odds of being late that the group accounts for", required=True),
        integer("rank", "1 to 3 for what moved the score most; null for the rest", minimum=1),
        text_list(
            "evidence_invoice_ids", "invoices that show it; empty below the third rank or where there is none"
        ),
    ),
    ("invoice_id", "instalment_number", "reason_code"),
)

MODEL = Table(
    "pred_model",
    "boosted model behind those who speak",
    (
        category("model", "model that speaks", required=True),
        category("part", "late: being late; payment_day: the days around the due date", required=True),
        text("content_hash", "SHA-256 of the text", required=True, role=Role.IDENTIFIER),
        text("content", "the trees as LightGBM writes them", required=True, role=Role.CATEGORY),
    ),
    ("model", "part"),
)

SEGMENT = Table(
    "pred_segment",
    "customer",
    (
        key_("customer_id", "customer"),
        AS_OF_DATE,
        *SEGMENT_COLUMNS,
        category(
            "segment_by_previous_model",
            "what the model of the previous snapshot says on what is known now; null when there is none that "
            "this program can apply",
            Segment,
        ),
    ),
    ("customer_id",),
)

GATE = _as("act_gate", GATES)

AUDIT_VERDICT = Table(
    "audit_verdict",
    "run",
    (
        category("verdict", "block, pass, inconclusive or not_assessable", Verdict, required=True),
        text("statement", "what was assessed, what was found and what to do", required=True),
        text(
            "settings_hash",
            "hash of the fairness settings that were in force",
            required=True,
            role=Role.IDENTIFIER,
        ),
    ),
    ("verdict",),
)

ROOM_TABLES: dict[str, Table] = by_name(
    (
        INSTALMENT_RISK,
        RISK_REASON,
        _as("pred_cash_forecast", CASH_FORECAST),
        _as("pred_model_comparison", MODEL_COMPARISON),
        _as("pred_reliability", RELIABILITY),
        _as("pred_monitoring", MONITORING),
        _as("pred_model_card", MODEL_CARD),
        MODEL,
        SEGMENT,
        _as("pred_segment_definition", SEGMENT_DEFINITIONS),
        _as("pred_segment_model", SEGMENT_MODEL),
        _as("pred_segment_comparison", SEGMENT_COMPARISON),
        GATE,
        _as("act_recommendation", RECOMMENDATIONS),
        _as("audit_fairness", FAIRNESS),
        _as("audit_history", FAIRNESS_HISTORY),
        _as("audit_proxies", FAIRNESS_PROXIES),
        _as("audit_tradeoff", FAIRNESS_TRADEOFF),
        AUDIT_VERDICT,
    )
)
"""All ``pred_``, ``act_`` and ``audit_`` tables by name."""
