"""Made-up test data: a small book that keeps every contract, and snapshots published from it.

The figures are invented, no model made them; they are consistent where a reader would notice (days
late follow from due dates, open amounts from balances). Use ``make_frames`` for what rooms hand to
``assemble_tables``, ``publish_example`` for a snapshot under a data root.
"""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.hashing import hash_text
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.vocabulary import Action
from segmentation.publish.assembly import assemble_tables
from segmentation.publish.decisions import DecisionStore
from segmentation.publish.manifest import RunFacts
from segmentation.publish.reader import Snapshot, open_previous
from segmentation.publish.writer import publish_snapshot

AS_OF = date(2026, 3, 2)
MODEL = "lightgbm_hazard-1"

# customer, name, party type, country, language, segment, structural_prob, cause, days late when settled
_PEOPLE = [
    ("C001", "Bakkerij De Molen", "sole_trader", "BE", "nl", "structural", 0.97, "cannot_pay", 34),
    ("C002", "Aurora Logistics", "legal_person", "NL", "nl", "structural", 0.94, "administrative", 21),
    ("C003", "Sofie Peeters", "consumer", "BE", "nl", "incidental", 0.06, "forgetful", 5),
    ("C004", "Librairie Lumière", "legal_person", "BE", "fr", "incidental", 0.09, "forgetful", 3),
    ("C005", "Gemeente Zandvoort", "public_body", "NL", "nl", "undecided", 0.44, "administrative", 12),
    ("C006", "Nordwind GmbH", "legal_person", "DE", "de", "prompt", 0.01, "unclear", -2),
    ("C007", "Test Person", "consumer", "BE", "nl", "structural", 0.92, "disputing", 48),
    ("C008", "Atelier Rosa", "sole_trader", "BE", "fr", "prompt", 0.02, "unclear", -1),
    ("C009", "Harbour & Sons", "legal_person", "GB", "en", "incidental", 0.10, "forgetful", 4),
    ("C010", "Maple Supply", "legal_person", "CA", "en", "structural", 0.95, "will_not_pay", 66),
    ("C011", None, None, "BE", "nl", "insufficient_history", None, "unclear", 0),
    ("C012", "Studio Nova", "legal_person", "BE", "en", "prompt", 0.03, "unclear", 0),
]

# action, channel, tone, level, needs approval, blocked by
_STEPS = {
    "C001": ("payment_plan_offer", "email", "supportive", 1, False, []),
    "C002": ("reminder", "email", "neutral", 2, False, []),
    "C003": ("reminder", "email", "friendly", 1, False, []),
    "C004": ("self_service_link", "email", "friendly", 1, False, []),
    "C005": ("call", "phone", "neutral", 1, False, []),
    "C006": ("wait", None, None, None, False, []),
    "C007": ("dispute_follow_up", "phone", "supportive", 1, False, ["open_dispute"]),
    "C008": ("pre_due_notice", "email", "friendly", 0, False, []),
    "C009": ("wait", None, None, None, False, ["cool_down"]),
    "C010": ("formal_notice", "registered_letter", "formal", 3, True, []),
    "C011": ("wait", None, None, None, False, ["do_not_contact"]),
    "C012": ("thank_you", "email", "friendly", 0, False, []),
}


# Every customer opted out of the portal; nobody has an address for it.
_OPEN_CHANNELS = ["email", "sms", "phone", "letter", "registered_letter"]


def _currency(customer: str) -> str:
    return "CAD" if customer == "C010" else "EUR"


def _at(day: date, hour: int = 0) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=UTC)


def make_frames(
    as_of: date = AS_OF, *, shift: int = 0, customers: int = len(_PEOPLE)
) -> dict[str, pl.DataFrame]:
    """Return all ``core_``, ``pred_``, ``act_`` and ``audit_`` tables of the made-up book.

    ``shift`` settles that many more invoices and moves as many customers to another segment, so that a
    later snapshot differs from an earlier one.
    """
    people = _PEOPLE[:customers]
    rows: dict[str, list[dict]] = {name: [] for name in (*LEDGER_TABLES, *ROOM_TABLES)}
    for position, person in enumerate(people):
        _add_customer(rows, as_of, position, person, moved=position < shift)
    _add_events(rows, as_of)
    _add_book_wide(rows, as_of)
    provenance = {"observed_at": _at(as_of - timedelta(days=1)), "source_system": "example"}
    tables = {}
    for name, table in (LEDGER_TABLES | ROOM_TABLES).items():
        extra = {k: v for k, v in provenance.items() if k in table.column_names}
        filled = [
            {**extra, **({"source_id": f"{name}.csv:{line}"} if extra else {}), **row}
            for line, row in enumerate(rows[name], start=2)
        ]
        complete = [{column: row.get(column) for column in table.column_names} for row in filled]
        tables[name] = table.conform(pl.DataFrame(complete, schema=table.polars_schema, orient="row"))
    return tables


def _add_customer(rows: dict, as_of: date, position: int, person: tuple, *, moved: bool) -> None:
    customer, name, party, country, language, segment, structural, cause, lateness = person
    currency = _currency(customer)
    rows["core_customer"].append(
        {
            "customer_id": customer,
            "name": name,
            "party_type": party,
            "country": country,
            "language": language,
            "payment_terms_days": 30,
        }
    )
    settled = 0 if segment == "insufficient_history" else 8
    for number in range(settled + 3):
        is_open = number >= settled and not (moved and number == settled)
        due = _due_date(as_of, number - settled, lateness, position)
        _add_invoice(rows, as_of, f"{customer}-{number + 1:03d}", customer, currency, due, lateness, is_open)
    late = settled if lateness > 0 else 0
    shown = "undecided" if moved and segment != "insufficient_history" else segment
    rows["pred_segment"].append(
        {
            "customer_id": customer,
            "as_of_date": as_of,
            "segment": shown,
            "structural_prob": structural,
            "structural_prob_p05": None if structural is None else max(0.0, structural - 0.05),
            "structural_prob_p95": None if structural is None else min(1.0, structural + 0.05),
            "late_propensity": structural,
            "late_propensity_p05": None if structural is None else max(0.0, structural - 0.15),
            "late_propensity_p95": None if structural is None else min(1.0, structural + 0.15),
            "turning_prob": None if structural is None else 0.02,
            "typical_days_late": float(lateness) if settled else None,
            "severity_days": float(max(lateness, 0)) if settled else None,
            "cause": cause,
            "cause_prob": None if cause == "unclear" else 0.7,
            "settled_count": settled + moved,
            "late_count": late,
            "excluded_count": 1 if cause == "disputing" else 0,
            "evidence": [f"{late} of the last {settled} invoices were paid late"] if settled else [],
        }
    )
    _add_recommendation(rows, as_of, customer, currency, lateness)


def _due_date(as_of: date, number: int, lateness: int, position: int) -> date:
    """Settled invoices (negative numbers) fell due once a month, long enough ago to have been paid."""
    if number < 0:
        return as_of + timedelta(days=30 * number - max(lateness, 0) - 5 - position)
    return as_of + timedelta(days=(-max(lateness, -5), 3, 20)[number])


def _add_invoice(rows, as_of, invoice, customer, currency, due, lateness, is_open) -> None:
    amount = Decimal(100 + sum(map(ord, invoice)) % 900) + Decimal("0.50")
    issued = due - timedelta(days=30)
    covered = min(due + timedelta(days=lateness), as_of - timedelta(days=1))
    rows["core_invoice"].append(
        {
            "invoice_id": invoice,
            "customer_id": customer,
            "document_type": "invoice",
            "issue_date": issued,
            "due_date": due,
            "amount": amount,
            "currency": currency,
        }
    )
    rows["core_instalment"].append(
        {"invoice_id": invoice, "instalment_number": 1, "due_date": due, "amount": amount}
    )
    days_late = ((as_of if is_open else covered) - due).days
    rows["core_instalment_balance"].append(
        {
            "invoice_id": invoice,
            "instalment_number": 1,
            "customer_id": customer,
            "document_type": "invoice",
            "currency": currency,
            "issue_date": issued,
            "due_date": due,
            "amount": amount,
            "paid_amount": Decimal(0) if is_open else amount,
            "credited_amount": Decimal(0),
            "written_off_amount": Decimal(0),
            "open_amount": amount if is_open else Decimal(0),
            "is_open": is_open,
            "covered_date": None if is_open else covered,
            "covered_known_date": None if is_open else covered,
            "covered_by": None if is_open else "payment",
            "days_late": days_late,
            "payment_count": 0 if is_open else 1,
            "first_payment_date": None if is_open else covered,
            "issued_known_date": issued,
            "is_supplier_caused": False,
        }
    )
    if is_open:
        _add_risk(rows, as_of, invoice, customer, currency, due, amount, days_late)
        return
    payment = f"P-{invoice}"
    paid = {"customer_id": customer, "booking_date": covered, "value_date": covered, "amount": amount}
    rows["core_payment"].append({"payment_id": payment, **paid, "currency": currency, "method": "transfer"})
    rows["core_allocation"].append(
        {
            "allocation_id": f"A-{invoice}",
            "payment_id": payment,
            "invoice_id": invoice,
            "amount": amount,
            "allocated_at": covered,
        }
    )


def _add_risk(rows, as_of, invoice, customer, currency, due, amount, days_late) -> None:
    late = 1.0 if days_late > 0 else 0.35
    rows["pred_instalment_risk"].append(
        {
            "invoice_id": invoice,
            "instalment_number": 1,
            "customer_id": customer,
            "as_of_date": as_of,
            "due_date": due,
            "open_amount": amount,
            "currency": currency,
            "days_late": days_late,
            "late_prob": late,
            "late_30_prob": late * 0.4,
            "late_90_prob": late * 0.1,
            "paid_7_prob": 0.2,
            "paid_14_prob": 0.4,
            "paid_30_prob": 0.7,
            "expected_payment_date": as_of + timedelta(days=20),
            "payment_date_p10": as_of + timedelta(days=2),
            "payment_date_p50": as_of + timedelta(days=14),
            "payment_date_p90": as_of + timedelta(days=60),
            "reason_codes": ["past_lateness", "open_overdue"],
            "score_status": "insufficient_history" if customer == "C011" else "scored",
            "model_version": MODEL,
            "expected_loss_amount": amount * Decimal("0.05"),
            "expected_delay_cost_amount": amount * Decimal("0.01"),
        }
    )
    for rank, (group, part) in enumerate((("past_lateness", 0.8), ("amount_size", -0.2)), start=1):
        rows["pred_risk_reason"].append(
            {
                "invoice_id": invoice,
                "instalment_number": 1,
                "reason_code": group,
                "contribution": part,
                "rank": rank,
                "evidence_invoice_ids": [invoice],
            }
        )


def _add_recommendation(rows: dict, as_of: date, customer: str, currency: str, lateness: int) -> None:
    action, channel, tone, level, needs_approval, blocked = _STEPS[customer]
    opened = [r for r in rows["pred_instalment_risk"] if r["customer_id"] == customer]
    overdue = [r for r in opened if r["days_late"] > 0]
    coming = [r["due_date"] for r in opened if -7 <= r["days_late"] <= 0]
    start = _at(as_of + timedelta(days=1), 8) if channel else None
    value = Decimal(max(lateness, 0) * 3 + 1)
    lifts = _at(as_of + timedelta(days=5)) if "cool_down" in blocked else None
    rows["act_recommendation"].append(
        {
            "recommendation_id": hash_text("example", customer, as_of.isoformat(), action)[:16],
            "customer_id": customer,
            "as_of_date": as_of,
            "action": action,
            "channel": channel,
            "window_start_at": start,
            "window_end_at": start + timedelta(hours=11) if start else None,
            "tone": tone,
            "dunning_level": level,
            "past_level": 0,
            "open_amount": sum((r["open_amount"] for r in opened), Decimal(0)),
            "overdue_amount": sum((r["open_amount"] for r in overdue), Decimal(0)),
            "coming_due_date": min(coming, default=None),
            "currency": currency,
            "oldest_days_late": max((r["days_late"] for r in overdue), default=None),
            "expected_value_amount": Decimal(0) if action == "wait" else value,
            "expected_value_p05_amount": Decimal(0) if action == "wait" else value / 2,
            "expected_value_p95_amount": Decimal(0) if action == "wait" else value * 2,
            "runner_up": "reminder" if action == "call" else "wait" if action != "wait" else None,
            "evidence_own_share": 0.5,
            "evidence_segment_share": 0.3,
            "evidence_global_share": 0.2,
            "reason_codes": blocked or ["oldest_overdue"],
            "reason_text": (
                f"Waiting: {blocked[0].replace('_', ' ')}."
                if action == "wait" and blocked
                else f"The oldest open invoice asks for the step {action.replace('_', ' ')}."
            ),
            "blocked_by": blocked,
            "stage": "amicable" if overdue else "before_due",
            "message_language": "nl" if channel else None,
            "message_subject": "Herinnering" if channel else None,
            "message_text": "Beste klant, dit bedrag staat nog open." if channel else None,
            "message_reading_ease": 92.4 if channel else None,
            "message_missing": [],
            "vetoed": [],
            "would_change": ["A payment that comes in first makes it fall away."],
            "earliest_lawful_at": lifts,
            "open_channels": _OPEN_CHANNELS,
            "open_actions": [action.value for action in Action],
            "contact_timezone": "Europe/Brussels",
            "open_hour": 8,
            "close_hour": 20,
            "closed_days": [
                (as_of + timedelta(days=offset)).isoformat()
                for offset in range(31)
                if (as_of + timedelta(days=offset)).weekday() == 6
            ],
            "needs_approval": needs_approval,
            "propensity": 1.0,
            "is_exploration": False,
            "policy_version": "rules-1",
            "valid_until": _at(as_of + timedelta(days=3)),
        }
    )
    rows["act_gate"].extend(
        {"customer_id": customer, "gate": gate, "lifts_at": lifts, "detail": gate.replace("_", " ")}
        for gate in blocked
    )


def _add_events(rows: dict, as_of: date) -> None:
    known = {row["customer_id"] for row in rows["core_customer"]}
    week, month = as_of - timedelta(days=7), as_of - timedelta(days=30)
    if "C003" in known:
        rows["core_contact_event"].append(
            {
                "contact_id": "K1",
                "customer_id": "C003",
                "invoice_id": "C003-009",
                "direction": "outbound",
                "channel": "email",
                "sent_at": _at(month, 9),
                "delivered_at": _at(month, 9),
                "opened_at": _at(month, 11),
                "replied_at": _at(month, 12),
                "dunning_level": 1,
                "tone": "friendly",
            }
        )
        rows["core_contact_outcome"].append(
            {"contact_id": "K1", "code": "payment_sent", "recorded_at": _at(month, 12)}
        )
        rows["core_promise_to_pay"].append(
            {
                "promise_id": "T1",
                "invoice_id": "C003-008",
                "made_at": month,
                "promised_date": week,
                "amount": Decimal(50),
                "status": "kept",
                "resolved_at": week,
            }
        )
    if "C007" in known:
        rows["core_dispute"].append(
            {"dispute_id": "D1", "invoice_id": "C007-009", "reason": "quality", "opened_at": week}
        )
        rows["core_message"].append(
            {
                "message_id": "M1",
                "customer_id": "C007",
                "received_at": _at(week, 10),
                "subject": "The delivery was damaged",
                "body": "I will pay once it is replaced.",
                "language": "en",
            }
        )
    if "C011" in known:
        rows["core_dunning_block"].append(
            {
                "block_id": "B1",
                "scope": "customer",
                "scope_id": "C011",
                "reason": "debt_mediation",
                "valid_from": week,
            }
        )


def _add_book_wide(rows: dict, as_of: date) -> None:
    for offset in range(60):
        for currency, level in (("EUR", Decimal(120)), ("CAD", Decimal(15))):
            rows["pred_cash_forecast"].append(
                {
                    "forecast_date": as_of + timedelta(days=offset),
                    "currency": currency,
                    "inflow_amount": level,
                    "inflow_p10_amount": level / 2,
                    "inflow_p50_amount": level,
                    "inflow_p90_amount": level * 2,
                }
            )
    for model, auc, brier, mae, published in (
        ("lightgbm_hazard", 0.86, 0.13, 4.1, True),
        ("logistic_hazard", 0.84, 0.14, 4.6, False),
        ("past_late_rate", 0.80, 0.16, None, False),
        ("customer_median", None, None, 5.2, False),
    ):
        rows["pred_model_comparison"].append(
            {
                "model": model,
                "depth": "all",
                "invoice_count": 400,
                "late_auc": auc,
                "late_brier": brier,
                "late_log_loss": None if brier is None else brier * 3,
                "late_ece": None if brier is None else 0.02,
                "days_mae": mae,
                "coverage_80_share": 0.8 if published else None,
                "is_published": published,
                "note": "Beats the baselines out of time." if published else "Compared, not chosen.",
            }
        )
    for model, published in (("beta_binomial", True), ("hidden_markov", False)):
        rows["pred_segment_comparison"].append(
            {
                "model": model,
                "customer_count": 60,
                "instalment_count": 400,
                "late_log_loss": 0.5,
                "structural_brier": 0.13,
                "loss_gain": 0.0,
                "loss_gain_low": -0.01,
                "loss_gain_high": 0.01,
                "becoming_rate": None if published else 0.1,
                "recovering_rate": None if published else 0.2,
                "is_published": published,
                "note": "Beta binomial stays: hidden markov is not better beyond chance.",
            }
        )
    for number in range(1, 11):
        share = number / 10 - 0.05
        rows["pred_reliability"].append(
            {
                "target": "late",
                "bin": number,
                "invoice_count": 40,
                "predicted_prob": share,
                "observed_share": min(1.0, share + 0.01),
            }
        )
    rows["pred_monitoring"].append(
        {
            "kind": "calibration",
            "subject": "late_gap",
            "reference_count": 400,
            "current_count": 400,
            "value": 0.01,
            "value_low": -0.02,
            "value_high": 0.04,
            "verdict": "pass",
            "statement": "Of the last matured cohort 41.0% were late, 40.0% were predicted.",
        }
    )
    rows["pred_segment_definition"].append(
        {"segment": "structural", "version": 1, "definition": "Late by habit. Not by one bad week."}
    )
    rows["pred_segment_model"].append({"parameter": "alpha", "value": 0.8, "meaning": "late instalments"})
    rows["pred_model_card"].append(
        {"position": 1, "section": "data", "item": "window", "statement": "Issued from 2025 on."}
    )
    for group, verdict in (
        ("legal_person", "inconclusive"),
        ("consumer", "inconclusive"),
        ("unknown", "not_assessable"),
    ):
        rows["audit_fairness"].append(
            {
                "family": "primary",
                "metric": "structural_label_rate",
                "attribute": "party_type",
                "group": group,
                "count": 1 if verdict == "not_assessable" else 40,
                "estimate": None if verdict == "not_assessable" else 0.3,
                "estimate_low": None if verdict == "not_assessable" else 0.2,
                "estimate_high": None if verdict == "not_assessable" else 0.4,
                "reference": "all others",
                "gap": None if verdict == "not_assessable" else 0.01,
                "gap_high": None if verdict == "not_assessable" else 0.12,
                "ratio": None if verdict == "not_assessable" else 1.03,
                "p_value": None if verdict == "not_assessable" else 0.4,
                "verdict": verdict,
                "statement": f"Too few customers in group {group} to be sure.",
            }
        )
    rows["audit_history"].append(
        {
            "as_of_date": as_of,
            "verdict": "inconclusive",
            "alpha": 0.02,
            "alpha_spent": 0.02,
            "compared_count": 2,
            "blocked_count": 0,
            "widest_gap": 0.01,
            "widest_group": "party_type consumer",
            "widest_metric": "structural_label_rate",
            "statement": "Too few customers to be sure.",
        }
    )
    rows["audit_proxies"].append(
        {
            "attribute": "party_type",
            "group": "consumer",
            "source": "features",
            "count": 40,
            "auc": 0.6,
            "auc_low": 0.5,
            "auc_high": 0.7,
            "strongest": ["relation_days"],
            "statement": "party type consumer can hardly be told from the features.",
        }
    )
    rows["audit_tradeoff"].append(
        {
            "method": "none",
            "strength": 0.0,
            "auc": 0.8,
            "worst_gap": 0.05,
            "worst_group": "party_type consumer",
            "test_count": 300,
            "is_within_budget": True,
            "is_chosen": True,
        }
    )
    rows["audit_verdict"].append(
        {
            "verdict": "inconclusive",
            "statement": "Too few customers to rule out a gap: harsh steps are taken by a person only.",
            "settings_hash": hash_text("fairness"),
        }
    )
    count = len(rows["core_invoice"])
    for check, verdict, statement in (
        ("rows_in_are_loaded_or_quarantined", "pass", f"All {count} rows were loaded."),
        ("newest_fact_is_recent", "warn", "The newest fact is one day old."),
    ):
        rows["core_quality"].append(
            {
                "check_name": check,
                "subject": "core_invoice",
                "rows_in": count,
                "rows_loaded": count,
                "rows_quarantined": 0,
                "verdict": verdict,
                "statement": statement,
            }
        )
    rows["core_quarantine"].append(
        {
            "source_file": "invoice.csv",
            "source_line": 7,
            "table_name": "core_invoice",
            "column_name": "amount",
            "rule": "not_a_number",
            "value": "1o0",
            "remedy": "Write the number without text.",
        }
    )


def make_facts(as_of: date = AS_OF, *, run: str = "example", **changes) -> RunFacts:
    """Return the facts of a made-up run; another ``run`` gives another snapshot id."""
    fingerprint = hash_text(run, as_of.isoformat())
    facts = {
        "as_of": as_of,
        "published_at": _at(as_of, 6),
        "run_id": run,
        "fingerprint": fingerprint,
        "data_hash": hash_text("data", run),
        "settings_hash": hash_text("settings"),
        "mapping_name": "canonical",
        "model_version": MODEL,
        "fairness_verdict": "inconclusive",
        "fairness_statement": "Too few customers to rule out a gap: harsh steps are taken by a person only.",
        "stage_seconds": {"ledger": 0.4, "risk": 1.5},
    }
    return RunFacts(**(facts | changes))


def publish_example(
    data_root: Path, as_of: date = AS_OF, *, run: str = "example", shift: int = 0, **changes
) -> Snapshot:
    """Publish the made-up book under ``data_root`` and return the snapshot."""
    previous = open_previous(data_root, as_of)
    tables = assemble_tables(make_frames(as_of, shift=shift), as_of, previous)
    facts = {"previous_id": previous.id if previous else None} | changes
    return publish_snapshot(tables, data_root, make_facts(as_of, run=run, **facts))


def find_last_decision(store: DecisionStore, customer_id: str) -> str | None:
    """Return the last decision on a customer: what the next one of somebody who looked is taken after."""
    return next(iter(store.history(customer_id)["decision_id"]), None)


if __name__ == "__main__":
    import sys

    shown = publish_example(Path(sys.argv[1]))
    sys.stdout.write(json.dumps({n: t.row_count for n, t in shown.manifest.tables.items()}, indent=1) + "\n")
