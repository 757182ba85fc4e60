"""A ledger folder loaded in one call, for library users, backtests and tests.

Belongs here: the composition of the room's functions in their order. Does not belong here: any step
itself; the pipeline calls the steps one by one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from segmentation.domain.movements import list_movements
from segmentation.domain.schema import Frames
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.acceptance import accept_facts
from segmentation.ledger.as_known import as_known
from segmentation.ledger.balances import build_instalment_balances
from segmentation.ledger.control_totals import require_enough_rows
from segmentation.ledger.conversion import convert_blocks
from segmentation.ledger.delivery import check_delivery
from segmentation.ledger.mapping import SourceMapping
from segmentation.ledger.mapping_files import load_mapping
from segmentation.ledger.matching.first_known import match_by_first_known
from segmentation.ledger.quality import build_quality
from segmentation.ledger.shrinkage import DeliveryAccount, require_not_shrunk
from segmentation.ledger.sources import join_blocks, read_blocks
from segmentation.ledger.unallocated_cash import build_unallocated_cash


@dataclass(frozen=True)
class LoadedLedger:
    """A ledger as it was known on a day.

    Parameters
    ----------
    as_of : the as-of day.
    files : ``raw_file``, the files of the delivery.
    ledger : every ``core_`` table, as known on the as-of day.
    """

    as_of: date
    files: pl.DataFrame
    ledger: dict[str, pl.DataFrame]


def load_ledger(
    path: Path,
    mapping: SourceMapping | str | Path,
    as_of: date | None = None,
    settings: LedgerSettings = LedgerSettings(),  # noqa: B008  frozen
    *,
    today: date | None = None,
    previous: DeliveryAccount | None = None,
) -> LoadedLedger:
    """Return a delivery as a reconciled ledger, as it was known on a day.

    Parameters
    ----------
    path : folder of the delivery, or its only file.
    mapping : how its files become the canonical ledger: a mapping, the name of one, or a YAML file.
    as_of : the as-of day; None means the day after the newest plausible fact.
    settings : what a delivery must look like to be trusted.
    today : the day of the caller's clock, if it has one; a derived as-of day is at most a day later.
    previous : account of an earlier delivery; one read with the same mapping must not have had more.

    Raises
    ------
    UsageError
        When the mapping cannot be used.
    InputRefusedError
        When a file is missing or cannot be understood well enough, or the delivery is too small or shrank.
    """
    if not isinstance(mapping, SourceMapping):
        mapping = load_mapping(mapping)
    files: list[pl.DataFrame] = []
    facts = convert_blocks(_set_aside_files(read_blocks(Path(path), mapping), files), mapping, settings)
    raw_file = join_blocks("raw_file", files)
    require_enough_rows(raw_file, mapping)
    day, facts = accept_facts(raw_file, facts, settings, as_of, today=today)
    if previous is not None and previous.mapping_name == mapping.name:
        require_not_shrunk(previous, facts, settings)
    ledger = as_known(facts, day)
    delivery_check = check_delivery(raw_file, facts, ledger, day, settings)
    ledger = match_by_first_known(ledger, facts, day)
    del facts  # every version of every row: as large as the ledger itself
    return LoadedLedger(day, raw_file, _reconcile(ledger, delivery_check, day))


def _set_aside_files(blocks: Iterable[Frames], files: list[pl.DataFrame]) -> Iterator[Frames]:
    """Yield the blocks and keep their rows of ``raw_file``, which are no facts."""
    for block in blocks:
        if "raw_file" in block:
            files.append(block["raw_file"])
        yield block


def _reconcile(ledger: Frames, delivery_check: pl.DataFrame, as_of: date) -> dict[str, pl.DataFrame]:
    """Return every ``core_`` table from the canonical tables as known on the as-of day, payments matched."""
    lines = list_movements(ledger)
    built = {
        **ledger,
        "core_instalment_balance": build_instalment_balances(ledger, as_of, lines),
        "core_unallocated_cash": build_unallocated_cash(ledger, lines),
    }
    return built | {"core_quality": build_quality(delivery_check, built, as_of, lines)}
