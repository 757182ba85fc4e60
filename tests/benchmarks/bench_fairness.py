"""Audits a million rows by 12 groups and their pairs, beside fairlearn's own bootstrap of the same rates.

Run: ``python tests/benchmarks/bench_fairness.py [--rows 1000000] [--replicates 5000] [--peer-rows 100000] [--peer-replicates 2]
[--json FILE]``. The peer gets a tenth of the rows, as it would take minutes for a replicate of all; the ratio is
therefore on the safe side. Both are checked to give the same rates first.
"""

import argparse
import json
import os
import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

ROWS, REPLICATES = 1_000_000, 5_000
PEER_ROWS, PEER_REPLICATES = 100_000, 2
GROUPS = 4
ATTRIBUTES = ("region", "language", "age")
TARGET_RATIO = 50


def draw_table(rows: int) -> tuple[np.ndarray, np.ndarray, pl.DataFrame]:
    """Return flags, outcomes and three attributes of four groups each."""
    rng = np.random.default_rng(1)
    groups = pl.DataFrame(
        {
            name: np.array([f"{name}{k}" for k in range(GROUPS)])[rng.integers(0, GROUPS, rows)]
            for name in ATTRIBUTES
        }
    )
    return (rng.random(rows) < 0.1).astype(float), (rng.random(rows) < 0.3).astype(float), groups


def audit_room(flags: np.ndarray, truth: np.ndarray, groups: pl.DataFrame, replicates: int) -> pl.DataFrame:
    """Audit with the room: figures, intervals, tests and sentences, for three metrics."""
    from segmentation import fairness
    from segmentation.domain.settings import FairnessSettings

    settings = FairnessSettings(bootstrap_replicates=replicates)
    return fairness.audit(flags, truth, groups, settings=settings)


def audit_fairlearn(
    flags: np.ndarray, truth: np.ndarray, groups: pl.DataFrame, replicates: int
) -> dict[str, float]:
    """Bootstrap the false-positive rate of every group and pair with fairlearn, and return the rates."""
    from fairlearn.metrics import MetricFrame, false_positive_rate

    rates: dict[str, float] = {}
    for names in [(name,) for name in ATTRIBUTES] + list(combinations(ATTRIBUTES, 2)):
        frame = MetricFrame(
            metrics=false_positive_rate,
            y_true=truth,
            y_pred=flags,
            sensitive_features=groups.select(names).to_pandas(),
            n_boot=replicates,
            ci_quantiles=[0.05, 0.95],
            random_state=1,
        )
        for key, rate in frame.by_group.items():
            rates[" × ".join(key) if isinstance(key, tuple) else key] = float(rate)
    return rates


def time_it(call: Any) -> tuple[Any, float, float]:
    """Return the result, seconds and processor seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def measure(rows: int, replicates: int, peer_rows: int, peer_replicates: int) -> dict[str, Any]:
    """Return seconds of both, after checking that they agree."""
    flags, truth, groups = draw_table(rows)
    audit_room(
        flags[:1000], truth[:1000], groups.head(1000), 200
    )  # libraries are loaded before the clock starts
    audit_fairlearn(flags[:1000], truth[:1000], groups.head(1000), 1)
    load = os.getloadavg()[0]
    found, seconds, cpu = time_it(lambda: audit_room(flags, truth, groups, replicates))
    part = flags[:peer_rows], truth[:peer_rows], groups.head(peer_rows)
    rates, peer_seconds, peer_cpu = time_it(lambda: audit_fairlearn(*part, peer_replicates))
    checked = audit_room(*part, 200)
    own = dict(checked.filter(metric="false_positive_rate").select("group", "estimate").iter_rows())
    if own.keys() != rates.keys() or not all(abs(own[key] - rates[key]) < 1e-12 for key in own):
        raise RuntimeError("the room and fairlearn disagree")
    return {
        "rows": rows,
        "cells": len(own),
        "comparisons": found.height,
        "replicates": replicates,
        "seconds": seconds,
        "cpu": cpu,
        "peer_rows": peer_rows,
        "peer_replicates": peer_replicates,
        "peer_seconds": peer_seconds,
        "peer_cpu": peer_cpu,
        "ratio": (peer_seconds / peer_replicates) / (seconds / replicates),
        "cpu_ratio": (peer_cpu / peer_replicates) / (cpu / replicates),
        "load": load,
    }


def render_markdown(results: dict[str, Any]) -> str:
    """Return the section of docs/benchmarks.md about the bias audit."""
    r = results
    return (
        "## Auditing for bias\n\n"
        f"{r['rows']:,} rows, 12 groups by three attributes and their {r['cells'] - 12} pairs (load average {r['load']:.1f} before). "
        "The room's seconds are those of the whole audit: counting, intervals, tests and sentences about three rates; fairlearn's"
        " are those of a bootstrap of one of them, on fewer rows. Both were checked to give the same rates.\n\n"
        "| contender | rows | replicates | seconds | processor seconds | milliseconds a replicate | processor milliseconds a replicate |\n"
        "|---|---:|---:|---:|---:|---:|---:|\n"
        f"| room: whole audit, {r['comparisons']} comparisons | {r['rows']:,} | {r['replicates']:,} | {r['seconds']:.2f} | {r['cpu']:.2f} |"
        f" {1000 * r['seconds'] / r['replicates']:.2f} | {1000 * r['cpu'] / r['replicates']:.2f} |\n"
        f"| fairlearn MetricFrame, n_boot | {r['peer_rows']:,} | {r['peer_replicates']} | {r['peer_seconds']:.2f} | {r['peer_cpu']:.2f} |"
        f" {1000 * r['peer_seconds'] / r['peer_replicates']:.0f} | {1000 * r['peer_cpu'] / r['peer_replicates']:.0f} |\n\n"
        f"A replicate is {r['ratio']:,.0f} times as fast ({r['cpu_ratio']:,.0f} times in processor time).\n"
    )


def main() -> None:
    """Run the benchmark and print its section; fail below the target ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--peer-rows", type=int, default=PEER_ROWS)
    parser.add_argument("--peer-replicates", type=int, default=PEER_REPLICATES)
    parser.add_argument("--json", type=Path)
    arguments, _ = parser.parse_known_args()
    results = measure(arguments.rows, arguments.replicates, arguments.peer_rows, arguments.peer_replicates)
    if arguments.json:
        arguments.json.write_text(json.dumps(results), encoding="utf-8")
    sys.stdout.write(render_markdown(results))
    if results["ratio"] < TARGET_RATIO:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
