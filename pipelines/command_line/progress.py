"""Progress of a run in the terminal: a line per stage, with rows and seconds.

The pipeline reports every stored table to a logger; this listens to it.
"""

import logging
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.text import Text

from pipelines.progress_log import PROGRESS_LOGGER

STAGES = {
    "raw": "Read",
    "core": "Ledger",
    "feat": "Features",
    "pred": "Risk",
    "pred_segment": "Segments",
    "act_gate": "Gates",
    "act": "Treatment",
    "audit": "Bias audit",
    "out": "Assemble",
    "published": "Publish",
}
"""Stage by table, or by the prefix of the table that was stored."""


class ProgressLines(logging.Handler):
    """Prints a line as each stage ends and keeps the seconds of each."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self.seconds_by_stage: dict[str, float] = {}
        self._console = console
        self._stage: str | None = None
        self._tables = 0
        self._rows = 0
        self._since = time.perf_counter()
        self._status = console.status("Starting")

    def begin(self, text: str) -> None:
        """Say what is being done until the first table is stored."""
        self._status.update(Text(text))

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a stored table."""
        table = str(getattr(record, "table", ""))
        stage = STAGES.get(table) or STAGES.get(table.partition("_")[0])
        if stage is None:
            return
        now = time.perf_counter()
        self.seconds_by_stage[stage] = self.seconds_by_stage.get(stage, 0.0) + now - self._since
        self._since = now
        if stage != self._stage:
            self._close_stage()
            self._stage, self._tables, self._rows = stage, 0, 0
        self._tables += 1
        self._rows += int(getattr(record, "rows", 0))
        self._status.update(f"{stage}: {table}")

    def __enter__(self) -> Self:
        """Listen to the pipeline."""
        logger = logging.getLogger(PROGRESS_LOGGER)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(self)
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; end the last line."""
        self._status.stop()
        if error is None:
            self._close_stage()
        logging.getLogger(PROGRESS_LOGGER).removeHandler(self)

    def _close_stage(self) -> None:
        if self._stage is None:
            return
        what = f"{self._tables} table{'s' if self._tables != 1 else ''}, {self._rows:,} rows"
        if self._stage == "Publish":
            what = "verified and made current"
        seconds = self.seconds_by_stage[self._stage]
        self._console.print(Text("✓", "green"), f"{self._stage:<18} {what:<36} {seconds:6.1f} s")
