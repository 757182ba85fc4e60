"""Times training, the full distribution and the exact reasons of open instalments against LightGBM itself.

Run: ``python tests/benchmarks/bench_risk.py [--training 60000] [--open 1000000] [--json FILE]``.
Models are trained on the features of a made-up ledger; its open instalments are repeated until there are
``--open`` of them, and then scored in batches as a run scores them. Beside it, in the same process and on
the same number of threads: LightGBM's ``predict`` over every instalment and day bin that the distribution is
read from, ``predict`` over one row per instalment, and ``pred_contrib``, each on a sample
scaled to the whole. That scores, and reasons to 1e-9, are the same numbers is checked first.
"""

# ruff: noqa: E402  the room can be imported once its folder is on the path
import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.settings import RiskSettings
from segmentation.features.computation import compute_issue_features, compute_open_features
from segmentation.ledger.balances import build_instalment_balances
from segmentation.risk import scoring
from segmentation.risk.candidates import HeadedHazard, fit_candidates
from segmentation.risk.cohort import Cohort, build_cohort, day_number, text_levels
from segmentation.risk.comparison import Choice
from segmentation.risk.grid import Grid, build_episodes
from segmentation.risk.hazards import bin_features, survive
from segmentation.risk.inputs import DEPTH_GROUPS, feature_columns
from segmentation.risk.metrics import expit, log_odds
from segmentation.risk.speaking import Speakers

AS_OF = date(2025, 1, 1)
MODEL = "lightgbm_hazard"
SEED = 20_260_101
PREDICT_SAMPLE, CONTRIB_SAMPLE = 20_000, 1_000


def make_ledger(invoices: int) -> dict[str, pl.DataFrame]:
    """Return a ledger of two years in which every customer pays around a day of their own."""
    rng = np.random.default_rng(SEED)
    customers = max(invoices // 40, 1)
    who = rng.integers(0, customers, invoices)
    usual = rng.normal(0.0, 9.0, customers)
    issue = day_number(AS_OF) - 730 + np.sort(rng.integers(0, 730, invoices))
    terms = rng.choice([14, 30, 60], invoices)
    delay = np.round(usual[who] + rng.gamma(2.0, 3.0, invoices) - 4).astype(int)
    paid = np.maximum(issue + terms + delay, issue + 1)
    rows = pl.DataFrame(
        {
            "invoice_id": pl.Series(np.arange(invoices)).cast(pl.String).str.zfill(9),
            "customer_id": pl.Series(who).cast(pl.String),
            "issue_date": pl.Series(issue.astype(np.int32)).cast(pl.Date),
            "due_date": pl.Series((issue + terms).astype(np.int32)).cast(pl.Date),
            "paid_date": pl.Series(paid.astype(np.int32)).cast(pl.Date),
            "amount": np.round(rng.lognormal(6.0, 1.0, invoices), 2),
        }
    ).with_columns(paid_date=pl.when(pl.col("paid_date") < AS_OF).then("paid_date"))
    source = {"source_system": pl.lit("made up"), "source_id": pl.lit("1"), "currency": pl.lit("EUR")}

    def seen(name: str) -> pl.Expr:
        return pl.col(name).cast(pl.Datetime("us", "UTC")).alias("observed_at")

    issued = rows.with_columns(seen("issue_date"), document_type=pl.lit("invoice"), **source)
    settled = rows.drop_nulls("paid_date").with_columns(
        seen("paid_date"),
        payment_id=pl.lit("P") + pl.col("invoice_id"),
        allocation_id=pl.lit("A") + pl.col("invoice_id"),
        instalment_number=pl.lit(1),
        value_date=pl.col("paid_date"),
        allocated_at=pl.col("paid_date"),
        **source,
    )
    known = rows.select("customer_id").unique()
    customer = known.with_columns(observed_at=pl.lit(datetime(2020, 1, 1, tzinfo=UTC)), **source)
    filled = {
        "core_customer": customer,
        "core_invoice": issued,
        "core_instalment": issued.with_columns(instalment_number=pl.lit(1)),
        "core_payment": settled,
        "core_allocation": settled,
    }
    ledger = {name: table.empty() for name, table in LEDGER_TABLES.items()}
    ledger |= {name: LEDGER_TABLES[name].conform(frame) for name, frame in filled.items()}
    return ledger | {"core_instalment_balance": build_instalment_balances(ledger, AS_OF)}


def build_cohorts(training: int, open_count: int) -> tuple[Cohort, Cohort]:
    """Return instalments to learn from, and ``open_count`` open ones, repeated under new numbers."""
    ledger = make_ledger(training)
    balance = ledger["core_instalment_balance"]
    issue, open_ = compute_issue_features(ledger), compute_open_features(ledger, AS_OF)
    names = feature_columns(issue, open_)
    levels = text_levels(issue, names)
    past = build_cohort(issue, balance, names, levels)
    found = build_cohort(open_, balance.filter("is_open"), names, levels)
    repeated = found.take(np.resize(np.arange(len(found)), open_count))
    numbers = pl.int_range(len(repeated), eager=True).cast(pl.String)
    return past, Cohort(**{**vars(repeated), "key": repeated.key.with_columns(invoice_id=numbers)})


def clock(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return what ``work`` returns, with its seconds and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, {
        "seconds": time.perf_counter() - wall,
        "processor_seconds": time.process_time() - processor,
    }


def scale(timing: dict[str, float], factor: float) -> dict[str, float]:
    """Return a timing of a sample for the whole."""
    return {name: value * factor for name, value in timing.items()}


def lay_out_bins(model: HeadedHazard, cohort: Cohort, grid: Grid) -> tuple[np.ndarray, ...]:
    """Return the rows over which LightGBM would predict: one per instalment and bin from issue on."""
    first = np.minimum(grid.bin_of(cohort.start_day), grid.size - 1)
    row, bin_ = np.nonzero(np.arange(grid.size)[None, :] >= first[:, None])
    own = bin_features(grid, cohort, model.hazard.location.predict(cohort), row, bin_)
    return np.hstack([own.T, cohort.features[row]]), row, bin_


def measure_peers(speakers: Speakers, open_: Cohort, threads: int) -> dict[str, dict[str, float]]:
    """Return what LightGBM takes for the same, after checking that it gives the same numbers."""
    model, grid = speakers.fitted.candidates[MODEL], speakers.grid
    head, hazard = model.heads[0], model.hazard
    sample = open_.take(np.arange(min(PREDICT_SAMPLE, len(open_))))
    whole = len(open_) / len(sample)
    bins, row, bin_ = lay_out_bins(model, sample, grid)
    raw, over_bins = clock(lambda: hazard.booster.predict(bins, raw_score=True, num_threads=threads))
    curve = np.zeros((len(sample), grid.size))
    curve[row, bin_] = expit(raw + log_odds(hazard.pooled.hazard)[bin_])
    assert np.array_equal(survive(curve, grid, sample.start_day), hazard.survival(sample))
    _, late = clock(lambda: head.booster.predict(sample.features, num_threads=threads))
    single = np.ascontiguousarray(bins[np.unique(row, return_index=True)[1]])
    _, one = clock(lambda: hazard.booster.predict(single, num_threads=threads))
    few = sample.features[:CONTRIB_SAMPLE]
    theirs, contrib = clock(lambda: head.booster.predict(few, pred_contrib=True, num_threads=threads))
    plain = type(head)(head.booster, None, threads)
    np.testing.assert_allclose(plain.contributions(few), theirs, rtol=0, atol=1e-9)
    own, shapley = clock(lambda: plain.contributions(sample.features))
    assert own.shape == (len(sample), sample.features.shape[1] + 1)
    return {
        "predict over the rows evaluated": scale(
            {name: over_bins[name] + late[name] for name in late}, whole
        ),
        "predict over a row per instalment": scale({name: one[name] + late[name] for name in late}, whole),
        "pred_contrib": scale(contrib, len(open_) / len(few)),
        "exact Shapley values, ungrouped": scale(shapley, whole),
    }


def measure(training: int, open_count: int, threads: int) -> dict[str, Any]:
    """Return all timings."""
    settings = RiskSettings(threads=threads)
    past, open_ = build_cohorts(training, open_count)
    day, grid = day_number(AS_OF), Grid.up_to(settings.horizon_days)
    fitted, trained = clock(lambda: fit_candidates(past, day, grid, settings, SEED))
    outcome = past.outcome_before(day)
    episodes = build_episodes(grid, past.start_day, outcome.event_day, outcome.last_open_day)
    choice = Choice((MODEL,) * len(DEPTH_GROUPS), (True,) * len(DEPTH_GROUPS), {})
    speakers = Speakers(grid, fitted, None, choice, settings)
    peers = measure_peers(speakers, open_, threads)
    total = {"distribution": {"seconds": 0.0, "processor_seconds": 0.0}}
    total["top reasons"] = dict(total["distribution"])
    for start in range(0, len(open_), scoring.BATCH):
        cohort = open_.take(np.arange(start, min(start + scoring.BATCH, len(open_))))

        def read(cohort: Cohort = cohort) -> pl.DataFrame:
            distribution, level = speakers.distribution(cohort, day)
            return scoring._read_risk(cohort, AS_OF, distribution, level, choice)

        risk, distribution = clock(read)
        late = risk["late_prob"].to_numpy()
        codes, reasons = clock(
            lambda cohort=cohort, late=late: scoring.list_codes(scoring._explain_all(cohort, late, speakers))
        )
        assert codes.height <= len(cohort)
        for name, timing in (("distribution", distribution), ("top reasons", reasons)):
            total[name] = {key: total[name][key] + value for key, value in timing.items()}
        print(f"{start + len(cohort):,} of {len(open_):,} instalments", file=sys.stderr)
    return {
        "training_count": len(past),
        "training_rows": len(episodes.row) + fitted.training_count,
        "open_count": len(open_),
        "threads": threads,
        "bins": grid.size,
        "training": trained,
        "room": total,
        "peers": peers,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def render_markdown(results: dict[str, Any]) -> str:
    """Return the section of the page of benchmarks."""
    room, peers, count = results["room"], results["peers"], results["open_count"]
    plain, one = (
        peers["predict over the rows evaluated"]["processor_seconds"],
        peers["predict over a row per instalment"]["processor_seconds"],
    )
    ratio = (
        peers["pred_contrib"]["processor_seconds"]
        / peers["exact Shapley values, ungrouped"]["processor_seconds"]
    )
    spread = room["distribution"]["processor_seconds"]
    intro = (
        f"{count:,} open instalments, {results['bins']} day bins each, streamed in batches on {results['threads']} "
        f"threads; peak memory {results['peak_gb']:.1f} GB. LightGBM's own functions run on samples in the same "
        "process, scaled to the whole; that they give the same numbers is checked first (reasons to 1e-9)."
    )
    lines = [
        "## Scoring the open book",
        "",
        intro,
        "",
        "| what | seconds | processor seconds | instalments a second |",
        "|---|---:|---:|---:|",
    ]
    rows = {
        "room: full distribution and all its figures": room["distribution"],
        "room: exact top reasons, grouped": room["top reasons"],
        **{
            f"room: {name}" if "Shapley" in name else f"LightGBM {name}": value
            for name, value in peers.items()
        },
    }
    lines += [
        f"| {name} | {value['seconds']:.1f} | {value['processor_seconds']:.1f} | {count / value['seconds']:,.0f} |"
        for name, value in rows.items()
    ]
    trained = results["training"]
    ratios = (
        f"In processor seconds the distribution takes {spread / plain:.2f} times a plain predict over the rows that "
        f"the model evaluates and {spread / one:.1f} times one over a row per instalment; exact Shapley values are "
        f"{ratio:.0f} times faster than `pred_contrib`."
    )
    training = (
        f"Training all models on {results['training_count']:,} instalments ({results['training_rows']:,} rows) takes "
        f"{trained['processor_seconds']:.1f} processor seconds, "
        f"{results['training_rows'] / trained['processor_seconds']:,.0f} rows for each of them."
    )
    lines += ["", ratios, training]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write the results where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", type=int, default=60_000)
    parser.add_argument("--open", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    started = time.monotonic()
    results = measure(options.training, options.open, options.threads)
    print(render_markdown(results))
    print(f"{timedelta(seconds=round(time.monotonic() - started))} in all")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
