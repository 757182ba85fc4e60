"""Runs the contenders of a benchmark in turn, each time in a process of its own.

Slow minutes of the machine hit all alike, and no contender finds memory or caches warm from another. A
script that uses this takes ``--worker NAME ARGUMENT ...`` and prints what ``measure_once`` returns as JSON.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Runs = dict[str, list[dict[str, Any]]]
"""What each contender measured, by name, a record for each round."""


def measure_once(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what ``work`` returns, with its seconds, processor seconds and the process's peak memory."""
    start, cpu_start = time.perf_counter(), time.process_time()
    results = work()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_gb": peak} | results


def run_in_turn(script: str, names: Sequence[str], rounds: int, *arguments: str | Path) -> Runs:
    """Run each contender once in every round."""
    runs: Runs = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            print(f"{Path(script).stem}: {name}, round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            command = [sys.executable, script, "--worker", name, *map(str, arguments)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            runs[name].append(json.loads(done.stdout.splitlines()[-1]))
    return runs


def compare(runs: Runs, floor: str, room: str) -> dict[str, Any]:
    """Return medians by contender, their ratios to the floor and to the room, and the machine's noise."""
    seconds = {name: statistics.median(r["seconds"] for r in records) for name, records in runs.items()}
    cpu = {name: statistics.median(r["cpu_seconds"] for r in records) for name, records in runs.items()}
    floors = [r["seconds"] for r in runs[floor]]
    return {
        "noise": max(floors) / min(floors),
        "load": os.getloadavg()[0],
        "contenders": {
            name: {
                "seconds": seconds[name],
                "cpu_seconds": cpu[name],
                "times_floor": seconds[name] / seconds[floor],
                "times_room": seconds[name] / seconds[room],
                "cpu_times_floor": cpu[name] / cpu[floor],
                "cpu_times_room": cpu[name] / cpu[room],
                "peak_gb": max(r["peak_gb"] for r in runs[name]),
            }
            for name in runs
        },
    }
