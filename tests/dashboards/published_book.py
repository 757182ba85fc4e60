"""A seeded book of published tables, of any size, as a run would publish it."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from segmentation.domain.hashing import hash_text
from segmentation.domain.published_tables import PUBLISHED_TABLES
from segmentation.domain.vocabulary import Action
from segmentation.publish.manifest import RunFacts
from segmentation.publish.reader import Snapshot
from segmentation.publish.writer import publish_snapshot

AS_OF = date(2026, 3, 2)  # a Monday
NOW = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)

NAMES = (
    "Van den Broeck",
    "Aalbers",
    "Peeters",
    "Dubois",
    "Janssens",
    "Müller",
    "O'Brien",
    "De Smet",
    "Lefèvre",
)
TRADES = (
    "Bakery",
    "Logistics",
    "Garage",
    "Dental care",
    "Interiors",
    "Electrics",
    "Foods",
    "Print",
    "Florist",
)
SEGMENTS = ("prompt", "incidental", "structural", "undecided", "insufficient_history")
CAUSES = ("forgetful", "administrative", "disputing", "cannot_pay", "unclear")
STEPS = (
    ("reminder", "email", "friendly"),
    ("call", "phone", "neutral"),
    ("self_service_link", "sms", "friendly"),
    ("payment_plan_offer", "email", "supportive"),
    ("dispute_follow_up", "email", "neutral"),
    ("formal_notice", "registered_letter", "formal"),
    ("wait", None, None),
)


def build_book(
    customer_count: int = 100,
    *,
    as_of: date = AS_OF,
    seed: int = 7,
    currencies: tuple[str, ...] = ("EUR", "USD"),
) -> dict[str, pl.DataFrame]:
    """Published tables of a book with that many customers."""
    rng = np.random.default_rng(seed)
    n = customer_count
    ids = [f"C{i:06d}" for i in range(1, n + 1)]
    customers = pl.DataFrame(
        {
            "customer_id": ids,
            "name": [f"{NAMES[i % 9]} {TRADES[(i // 9) % 9]}" if i % 11 else None for i in range(n)],
            "party_type": rng.choice(["consumer", "sole_trader", "legal_person"], n),
            "country": rng.choice(["BE", "NL", "FR"], n),
            "language": rng.choice(["nl", "fr", "de"], n),
            "customer_since": [as_of - timedelta(days=int(d)) for d in rng.integers(100, 3000, n)],
            "timezone": rng.choice(["Europe/Brussels", "Europe/Amsterdam"], n),
        }
    )
    segment = rng.choice(SEGMENTS, n, p=[0.35, 0.25, 0.15, 0.15, 0.1])
    base = {"prompt": 0.02, "incidental": 0.08, "structural": 0.96, "undecided": 0.5}
    structural = np.array([base.get(s, np.nan) for s in segment]) + rng.uniform(-0.015, 0.015, n)
    propensity = np.clip(structural * 0.6 + 0.1, 0.02, 0.95)
    settled = np.where(segment == "insufficient_history", rng.integers(0, 3, n), rng.integers(3, 60, n))
    segments = pl.DataFrame(
        {
            "customer_id": ids,
            "as_of_date": as_of,
            "segment": segment,
            "structural_prob": structural,
            "structural_prob_p05": np.clip(structural - 0.06, 0, 1),
            "structural_prob_p95": np.clip(structural + 0.03, 0, 1),
            "late_propensity": propensity,
            "late_propensity_p05": np.clip(propensity - 0.1, 0, 1),
            "late_propensity_p95": np.clip(propensity + 0.1, 0, 1),
            "typical_days_late": rng.integers(-2, 30, n).astype(float),
            "turning_prob": np.where(np.arange(n) % 9 == 0, 0.42, 0.03),
            "severity_days": np.arange(n) % 13 * 1.5,
            "cause": rng.choice(CAUSES, n),
            "cause_prob": rng.uniform(0.5, 0.9, n),
            "settled_count": settled,
            "late_count": (settled * np.nan_to_num(propensity, nan=0.3)).astype(int),
            "excluded_count": rng.integers(0, 3, n),
            "evidence": [
                ["Paid 9 of the last 12 instalments late", "Paid within three days of a first reminder"]
            ]
            * n,
            "previous_segment": rng.choice(SEGMENTS, n),
            "changed_because": rng.choice(["none", "behaviour"], n),
        },
    ).with_columns(pl.col(pl.Float64).fill_nan(None))

    m = n * 3
    owner = rng.integers(0, n, m)
    days_late = rng.integers(-25, 70, m)
    due = [as_of - timedelta(days=int(d)) for d in days_late]
    amounts = np.round(rng.lognormal(6.5, 1.2, m), 2)
    p50 = rng.integers(1, 30, m)
    late_prob = np.where(days_late > 0, 1.0, rng.uniform(0.02, 0.9, m))
    scores = pl.DataFrame(
        {
            "invoice_id": [f"INV-{i:07d}" for i in range(m)],
            "customer_id": [ids[i] for i in owner],
            "as_of_date": as_of,
            "due_date": due,
            "open_amount": amounts,
            "overdue_amount": np.where(days_late > 0, amounts, 0.0),
            "currency": [currencies[0] if i % 7 else currencies[-1] for i in owner],
            "days_late": days_late,
            "late_prob": late_prob,
            "late_30_prob": late_prob * 0.4,
            "late_90_prob": late_prob * 0.1,
            "paid_7_prob": rng.uniform(0.05, 0.3, m),
            "paid_14_prob": rng.uniform(0.3, 0.6, m),
            "paid_30_prob": rng.uniform(0.6, 0.95, m),
            "expected_payment_date": [as_of + timedelta(days=int(d) + 3) for d in p50],
            "payment_date_p10": [as_of + timedelta(days=int(d) // 3) for d in p50],
            "payment_date_p50": [as_of + timedelta(days=int(d)) for d in p50],
            "payment_date_p90": [as_of + timedelta(days=int(d) * 2 + 8) for d in p50],
            "reason_codes": [["past_lateness_up", "open_overdue_book_up", "terms_down"]] * m,
            "score_status": "scored",
            "model_version": "lightgbm_hazard-1",
        }
    )
    start = datetime(as_of.year, as_of.month, as_of.day, 8, tzinfo=UTC) + timedelta(hours=0)
    owed = (
        scores.with_columns(pl.col("open_amount").cast(pl.Decimal(18, 3)))
        .group_by("customer_id", "currency")
        .agg(
            pl.col("open_amount").sum(),
            pl.col("open_amount").filter(pl.col("days_late") > 0).sum().alias("overdue_amount"),
            pl.col("days_late").filter(pl.col("days_late") > 0).max().alias("oldest_days_late"),
        )
        .sort("customer_id", "currency")
    )
    k = owed.height
    step = rng.choice(len(STEPS), k, p=[0.3, 0.15, 0.08, 0.07, 0.05, 0.05, 0.3])
    step[:2] = 5, 6  # whatever the size, somebody needs an approval and somebody waits
    waits = step == 6
    value = np.round(
        np.where(waits, 0, owed["overdue_amount"].cast(pl.Float64).to_numpy() * 0.02 + rng.uniform(1, 9, k)),
        2,
    )
    gates = [["cool_down"], ["open_promise"], ["open_dispute", "contact_cap"], []]
    recommendations = owed.with_columns(
        pl.Series(
            "recommendation_id",
            [
                hash_text(c, cur, as_of.isoformat())[:20]
                for c, cur in owed.select("customer_id", "currency").iter_rows()
            ],
        ),
        pl.lit(as_of).alias("as_of_date"),
        pl.Series("action", [STEPS[s][0] for s in step]),
        pl.Series("channel", [STEPS[s][1] for s in step], dtype=pl.String),
        pl.Series("tone", [STEPS[s][2] for s in step], dtype=pl.String),
        pl.Series(
            "window_start_at",
            [None if w else start + timedelta(days=int(s) % 2) for w, s in zip(waits, step, strict=True)],
            dtype=pl.Datetime("us", "UTC"),
        ),
        pl.Series(
            "window_end_at",
            [
                None if w else start + timedelta(days=int(s) % 2, hours=8)
                for w, s in zip(waits, step, strict=True)
            ],
            dtype=pl.Datetime("us", "UTC"),
        ),
        pl.Series("dunning_level", [None if w else 1 for w in waits], dtype=pl.Int64),
        pl.Series("expected_value_amount", value),
        pl.Series("expected_value_p05_amount", np.round(value * 0.4, 2)),
        pl.Series("expected_value_p95_amount", np.round(value * 1.7, 2)),
        pl.Series("runner_up", [None if w else "wait" for w in waits], dtype=pl.String),
        pl.lit(0.3).alias("evidence_own_share"),
        pl.lit(0.5).alias("evidence_segment_share"),
        pl.lit(0.2).alias("evidence_global_share"),
        pl.Series("reason_codes", [["overdue", "no_reminder_yet"]] * k),
        pl.Series(
            "reason_text",
            [
                "Waiting is best now: an earlier contact has not had time to work."
                if w
                else "The oldest invoice is past its due date and no reminder has been sent yet. A short, friendly note usually settles it."
                for w in waits
            ],
        ),
        pl.Series("stage", [None if w else "amicable" for w in waits], dtype=pl.String),
        pl.Series("message_language", [None if w else "nl" for w in waits], dtype=pl.String),
        pl.Series("message_subject", [None if w else "Herinnering: dit staat nog open" for w in waits]),
        pl.Series(
            "message_text", [None if w else "Beste klant,\n\nDit bedrag staat nog open." for w in waits]
        ),
        pl.Series("message_reading_ease", [None if w else 92.4 for w in waits], dtype=pl.Float64),
        pl.Series(
            "message_missing",
            [[] if i % 3 else ["account_number"] for i in range(k)],
            dtype=pl.List(pl.String),
        ),
        pl.Series("vetoed", [["A call: All calls of the day go where more is at stake."]] * k),
        pl.Series("would_change", [["With less than EUR 200.00 at stake, waiting would be better."]] * k),
        pl.Series(
            "blocked_by", [gates[i % 4] if w else [] for i, w in enumerate(waits)], dtype=pl.List(pl.String)
        ),
        pl.Series(
            "earliest_lawful_at",
            [start + timedelta(days=3) if w and i % 4 in {0, 1} else None for i, w in enumerate(waits)],
            dtype=pl.Datetime("us", "UTC"),
        ),
        pl.lit(["email", "sms", "phone", "letter", "registered_letter"]).alias("open_channels"),
        pl.lit([action.value for action in Action]).alias("open_actions"),
        pl.lit("Europe/Brussels").alias("contact_timezone"),
        pl.lit(8).alias("open_hour"),
        pl.lit(20).alias("close_hour"),
        pl.lit(as_of + timedelta(days=5)).alias("coming_due_date"),
        pl.lit([day.isoformat() for day in _month(as_of) if day.weekday() == 6]).alias("closed_days"),
        pl.Series("needs_approval", [STEPS[s][0] == "formal_notice" for s in step]),
        pl.lit(1.0).alias("propensity"),
        pl.lit(value=False).alias("is_exploration"),
        pl.lit("rules-1").alias("policy_version"),
        pl.lit(start + timedelta(days=3, hours=10)).alias("valid_until"),
    )
    tables = {
        "out_invoice_scores": scores,
        "out_customer_segments": segments,
        "out_segment_definitions": _definitions(),
        "out_segment_migrations": _migrations(segments),
        "out_segment_comparison": _behaviour_models(),
        "out_recommendations": recommendations,
        "out_customers": customers,
        "out_cash_forecast": _forecast(as_of, currencies, rng),
        "out_portfolio": _portfolio(scores, currencies),
        "out_fairness": _fairness(rng),
        "out_fairness_history": _fairness_history(as_of),
        "out_fairness_proxies": _fairness_proxies(),
        "out_fairness_tradeoff": _fairness_tradeoff(),
        "out_quality": _quality(n, m),
        "out_quarantine": _quarantine(),
        "out_timeline": _timeline(ids[: min(n, 500)], as_of, rng),
        "out_model_comparison": _models(),
        "out_reliability": _reliability(),
        "out_gates": _gates(recommendations),
        "out_changes": PUBLISHED_TABLES["out_changes"].empty(),
    }
    nothing = {name: table.empty() for name, table in PUBLISHED_TABLES.items()}
    return {name: PUBLISHED_TABLES[name].conform(frame) for name, frame in (nothing | tables).items()}


def _definitions():
    return pl.DataFrame(
        {
            "segment": list(SEGMENTS),
            "version": 1,
            "definition": [f"What {name} is. And why." for name in SEGMENTS],
        }
    )


def _migrations(segments):
    way = {"previous_segment": "from_segment", "segment": "to_segment"}
    is_same = pl.col("previous_segment") == pl.col("segment")
    reason = (
        pl.when(is_same).then(pl.lit("none")).when(pl.col("settled_count") % 3 == 0).then(pl.lit("model"))
    )
    told = segments.with_columns(reason.otherwise(pl.lit("behaviour")).alias("changed_because")).rename(way)
    return told.group_by(*way.values(), "changed_because").agg(pl.len().alias("customer_count"))


def _behaviour_models():
    return pl.DataFrame(
        {
            "model": ["beta_binomial", "hidden_markov"],
            "customer_count": 400,
            "instalment_count": 2400,
            "late_log_loss": [0.5123, 0.5001],
            "structural_brier": [0.121, 0.113],
            "is_published": [False, True],
            "note": ["Beaten by the other one.", "Foretold more of what came later."],
        }
    )


def _month(as_of):
    return [as_of + timedelta(days=offset) for offset in range(31)]


def _gates(recommendations):
    return (
        recommendations.select("customer_id", pl.col("blocked_by").alias("gate"))
        .explode("gate")
        .drop_nulls()
        .unique()
        .with_columns(pl.lit("closed on the as-of day").alias("detail"))
    )


def _forecast(as_of, currencies, rng):
    days = [as_of + timedelta(days=i) for i in range(60)]
    return pl.concat(
        pl.DataFrame(
            {
                "forecast_date": days,
                "currency": currency,
                "inflow_amount": (
                    mean := np.array(
                        [rng.uniform(2000, 9000) * (0.1 if d.weekday() > 4 else 1) for d in days]
                    ).round(2)
                ),
                "inflow_p10_amount": (mean * 0.3).round(2),
                "inflow_p50_amount": (mean * 0.95).round(2),
                "inflow_p90_amount": (mean * 1.9).round(2),
            }
        )
        for currency in dict.fromkeys(currencies)
    )


def _portfolio(scores, currencies):
    rows = []
    measures = (
        ("dso_days", 43.2, "days"),
        ("best_possible_dso_days", 27.9, "days"),
        ("average_days_delinquent", 15.3, "days"),
        ("cei_share", 0.81, "share"),
        ("weighted_days_late", 9.4, "days"),
        ("promise_kept_share", None, "share"),
    )
    edges = (
        ("not_due", -9999, 0),
        ("days_1_30", 1, 30),
        ("days_31_60", 31, 60),
        ("days_61_90", 61, 90),
        ("days_over_90", 91, 9999),
    )
    for currency in dict.fromkeys(currencies):
        own = scores.filter(pl.col("currency") == currency)
        for name, low, high in edges:
            value = float(own.filter(pl.col("days_late").is_between(low, high))["open_amount"].sum())
            rows.append(("ageing_amount", currency, name, value, currency))
        rows.append(("ageing_amount", currency, "all", float(own["open_amount"].sum()), currency))
        rows.append(("ageing_amount", currency, "structural", 100.0, currency))
        rows.extend((name, currency, "all", value, unit) for name, value, unit in measures)
    inputs = json.dumps({"open_amount": "12345.67", "period_days": 90})
    return pl.DataFrame(
        [(*row, "open_amount ÷ issued_amount × period_days", inputs) for row in rows],
        schema=["measure", "currency", "slice", "value", "unit", "formula", "inputs"],
        orient="row",
    )


def _fairness_history(as_of):
    return pl.DataFrame(
        {
            "as_of_date": [as_of - timedelta(days=7), as_of],
            "verdict": ["block", "inconclusive"],
            "alpha": [0.02, 0.00115],
            "alpha_spent": [0.02, 0.02115],
            "compared_count": [14, 14],
            "blocked_count": [1, 0],
            "widest_gap": [0.12, 0.03],
            "widest_group": ["language fr", "party_type sole_trader"],
            "widest_metric": ["structural_label_rate", "harsh_step_rate"],
            "statement": ["Treated worse: language fr.", "Nothing shown."],
        }
    )


def _fairness_proxies():
    return pl.DataFrame(
        {
            "attribute": ["language", "language", "sex"],
            "group": ["fr", "fr", "all"],
            "source": ["features", "segment", "features"],
            "count": [300, 300, 0],
            "auc": [0.74, 0.55, None],
            "auc_low": [0.7, 0.5, None],
            "auc_high": [0.78, 0.6, None],
            "strongest": [["relation_days"], ["structural, unclear"], []],
            "statement": ["language fr can clearly be told.", "Hardly.", "sex: not assessable."],
        }
    )


def _fairness_tradeoff():
    return pl.DataFrame(
        {
            "method": ["none", "penalty"],
            "strength": [0.0, 3.0],
            "auc": [0.84, 0.838],
            "worst_gap": [0.11, 0.06],
            "worst_group": ["language fr", "language fr"],
            "test_count": [900, 900],
            "is_within_budget": [True, True],
            "is_chosen": [False, True],
        }
    )


def _fairness(rng):
    rows = []
    for metric in ("structural_label_rate", "harsh_step_rate"):
        for attribute, groups in (
            ("party_type", ("consumer", "sole_trader", "legal_person")),
            ("language", ("nl", "fr", "de", "unknown")),
        ):
            for i, group in enumerate(groups):
                rate = float(rng.uniform(0.1, 0.25))
                count = int(rng.integers(80, 900))
                verdict = "inconclusive" if count < 300 else "pass"
                rows.append(
                    {
                        "family": "primary", "metric": metric, "attribute": attribute, "group": group, "count": count,
                        "estimate": rate, "estimate_low": rate - 0.04, "estimate_high": rate + 0.04,
                        "reference": None if i == 0 else groups[0], "gap": None if i == 0 else 0.012, "gap_high": None if i == 0 else 0.043,
                        "ratio": None if i == 0 else 1.1, "p_value": None if i == 0 else 0.4, "verdict": verdict,
                        "statement": f"{count} customers; no significant gap.",
                    }
                )  # fmt: skip
        rows.append(
            {
                "family": "primary", "metric": metric, "attribute": "age_band", "group": "all", "count": 0,
                "verdict": "not_assessable",
                "statement": "The ledger holds no year of birth. Supply birth_year in customer_audit to assess it.",
            }
        )  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def _quarantine():
    return pl.DataFrame(
        [
            {
                "rule": "due_before_issue",
                "table_name": "core_invoice",
                "column_name": "due_date",
                "row_count": 4,
                "customer_count": 2,
                "examples": ["2026-01-02"],
                "remedy": "Correct one of them in the source.",
            }
        ]
    )


def _quality(n, m):
    return pl.DataFrame(
        [
            ("rows_loaded_or_quarantined", "customer.csv", n, n, 0, "pass", "Every row was loaded."),
            (
                "rows_loaded_or_quarantined",
                "invoice.csv",
                m + 4,
                m,
                4,
                "warn",
                "4 rows have a due date before the issue date.",
            ),
            ("allocations_match_payments", "allocation", 0, 0, 0, "pass", "All payments are matched."),
        ],
        schema=[
            "check_name",
            "subject",
            "rows_in",
            "rows_loaded",
            "rows_quarantined",
            "verdict",
            "statement",
        ],
        orient="row",
    )


def _timeline(ids, as_of, rng):
    rows = []
    for customer in ids:
        for j in range(14):
            day = as_of - timedelta(days=int(rng.integers(1, 400)))
            kind = ("invoice", "payment", "contact", "reply", "credit_note", "promise", "dispute")[
                j % 7 if j < 7 else j % 3
            ]
            at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
            has_money = kind in {"invoice", "payment", "credit_note"}
            rows.append(
                (f"{customer}-{j}", customer, at, kind, f"INV-{j}" if has_money else None,
                 f"{kind.replace('_', ' ').capitalize()} number {j}", 100.0 * (j + 1) if has_money else None, "EUR" if has_money else None)
            )  # fmt: skip
    return pl.DataFrame(
        rows,
        schema=[
            "event_id",
            "customer_id",
            "event_at",
            "kind",
            "invoice_id",
            "description",
            "amount",
            "currency",
        ],
        orient="row",
        infer_schema_length=None,
    )


def _models():
    rows = [
        ("lightgbm_hazard", "all", 4000, 0.83, 0.161, 0.49, 0.018, 2.9, 0.80, True, "Best Brier score out of time on 4,000 instalments."),
        ("logistic_hazard", "all", 4000, 0.80, 0.170, 0.52, 0.020, 3.3, 0.81, False, "Beaten by gradient boosting."),
        ("past_late_rate", "all", 4000, 0.77, 0.187, 0.56, 0.050, None, None, False, "Baseline."),
        ("customer_median", "all", 4000, None, None, None, None, 3.4, None, False, "Baseline for dates."),
        ("lightgbm_hazard", "0-2", 300, 0.71, 0.190, 0.56, 0.030, 4.1, 0.79, True, "Little history."),
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=PUBLISHED_TABLES["out_model_comparison"].polars_schema, orient="row")


def _reliability():
    centre = np.linspace(0.05, 0.95, 10)
    return pl.DataFrame(
        {
            "target": "late",
            "bin": np.arange(1, 11),
            "invoice_count": 400,
            "predicted_prob": centre,
            "observed_share": np.clip(centre + 0.03 * np.sin(centre * 9), 0, 1),
        }
    )


def empty_tables() -> dict[str, pl.DataFrame]:
    """Every published table, without rows."""
    return {name: table.empty() for name, table in PUBLISHED_TABLES.items()}


def publish_book(
    data_root: Path,
    tables: dict[str, pl.DataFrame],
    *,
    as_of: date = AS_OF,
    published_at: datetime = NOW,
    verdict: str = "pass",
    statement: str = "4 comparisons in 2 families; the largest gap is at most 4.3 points.",
    fingerprint: str = "book",
) -> Snapshot:
    """Publish these tables as a run would."""
    facts = RunFacts(
        as_of=as_of,
        published_at=published_at,
        run_id="run-1",
        fingerprint=hash_text(fingerprint, as_of.isoformat()),
        data_hash=hash_text("data"),
        settings_hash=hash_text("settings"),
        mapping_name="canonical",
        model_version="lightgbm_hazard-1",
        fairness_verdict=verdict,
        fairness_statement=statement,
        stage_seconds={"ledger": 1.2, "risk": 6.4},
    )
    return publish_snapshot(tables, data_root, facts)
