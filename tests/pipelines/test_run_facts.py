"""What a run is told apart by."""

from pathlib import Path

import segmentation
from pipelines.run_facts import PROGRAM_FILES


def test_every_file_of_the_program_makes_another_run_when_it_changes():
    """A template or table of another kind than those hashed would change results under the name of the old run."""
    folder = Path(next(iter(segmentation.__path__)))
    files = {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    told_apart = {path for kind in PROGRAM_FILES for path in folder.rglob(kind)}
    assert {path.name for path in files - told_apart} == {"py.typed"}
