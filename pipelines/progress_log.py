"""How assets say that a table was stored, and how the command line hears of it.

Kept apart from both, because the command line shows progress before it imports Dagster.
"""

import logging

PROGRESS_LOGGER = "segmentation.progress"
"""Logger whose records carry ``table`` and ``rows``."""


def report_table(table: str, rows: int) -> None:
    """Say that a table was stored with so many rows."""
    logging.getLogger(PROGRESS_LOGGER).info("%s", table, extra={"table": table, "rows": rows})
