"""The number of threads changes nothing: not one digit of a feature, a segment, a step or a finding."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from segmentation.simulator.settings import WorldSettings
from segmentation.simulator.world import simulate_world
from segmentation.simulator.writing import write_world

pytestmark = pytest.mark.slow

PROBE = Path(__file__).with_name("thread_probe.py")


def _derive(directory: Path, threads: int) -> dict[str, Any]:
    result = subprocess.run(
        [sys.executable, str(PROBE), str(directory)],
        env=os.environ | {"POLARS_MAX_THREADS": str(threads)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_one_thread_and_four_give_the_same_bytes(tmp_path):
    write_world(simulate_world(WorldSettings(customer_count=120, seed=11)), tmp_path)
    one, four = _derive(tmp_path, 1), _derive(tmp_path, 4)
    assert (one["threads"], four["threads"]) == (1, 4)
    assert all(one["rows"].values()), "a table without rows proves nothing"
    assert one["hashes"] == four["hashes"]
