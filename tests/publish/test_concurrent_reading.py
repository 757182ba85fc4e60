"""Readers see all tables of one run, however often somebody else publishes meanwhile."""

import os
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest

from segmentation.domain.published_tables import PUBLISHED_TABLES
from segmentation.publish.reader import open_current
from tests.snapshot_factory import AS_OF, publish_example

PUBLICATIONS = 12

_PUBLISHER = f"""
import sys
from datetime import timedelta
from pathlib import Path
import segmentation.publish.writer as writer
from segmentation.publish.assembly import assemble_tables
from tests.snapshot_factory import AS_OF, make_facts, make_frames
writer.require_valid = lambda frame, _table: frame
for number in range(1, {PUBLICATIONS + 1}):
    day = AS_OF + timedelta(days=number)
    tables = assemble_tables(make_frames(day, shift=number % 5), day, None)
    writer.publish_snapshot(tables, Path(sys.argv[1]), make_facts(day))
"""

_DATED = [name for name, table in PUBLISHED_TABLES.items() if "as_of_date" in table.column_names]


@pytest.mark.slow
def test_no_reader_ever_sees_two_runs_or_an_error(tmp_path, project_root):
    publish_example(tmp_path, AS_OF)
    is_done = threading.Event()
    failures, seen = [], [set(), set()]

    def read_on(days):
        try:
            while not is_done.is_set():
                snapshot = open_current(tmp_path)
                for name in PUBLISHED_TABLES:
                    frame = snapshot.read_table(name)
                    assert frame.height == snapshot.manifest.tables[name].row_count
                    if name in _DATED:
                        assert frame["as_of_date"].unique().to_list() == [snapshot.as_of]
                days.add(snapshot.as_of)
                time.sleep(0.1)  # leave the publisher some of the processor
        except BaseException as error:  # noqa: BLE001  whatever a reader meets fails the test
            failures.append(error)

    readers = [threading.Thread(target=read_on, args=(days,)) for days in seen]
    for reader in readers:
        reader.start()
    paths = os.pathsep.join([str(project_root), str(project_root / "src")])
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PUBLISHER, str(tmp_path)],
            env=os.environ | {"PYTHONPATH": paths},
            check=False,
            capture_output=True,
            text=True,
            timeout=180,
        )
        time.sleep(0.2)
    finally:
        is_done.set()
        for reader in readers:
            reader.join()
    assert done.returncode == 0, done.stderr
    assert failures == []
    assert open_current(tmp_path).as_of == AS_OF + timedelta(days=PUBLICATIONS)
    assert all(len(days) > PUBLICATIONS // 4 for days in seen), "the readers met too few publications"
