"""A ledger folder loaded in one call, for library users, backtests and tests.

Belongs here: the composition of the room's functions in their order. Does not belong here: any step
itself; the pipeline calls the steps one by one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

import polars as pl

from segmentation.domain.movements import list_movements
from segmentation.domain.schema import Frames
from segmentation.domain.settings import LedgerSettings
from segmentation.domain.side_by_side import run_both, work_on
from segmentation.ledger.acceptance import accept_pieces
from segmentation.ledger.as_known import as_known, start_of
from segmentation.ledger.balance_list import find_list_day
from segmentation.ledger.balances import build_instalment_balances
from segmentation.ledger.control_totals import require_control_totals, require_enough_rows
from segmentation.ledger.conversion import convert_each
from segmentation.ledger.delivery import describe_delivery, measure_delivery
from segmentation.ledger.findings import join_measures
from segmentation.ledger.mapping import OBSERVED_AT, SourceMapping
from segmentation.ledger.mapping_files import load_mapping
from segmentation.ledger.matching.first_known import match_by_first_known
from segmentation.ledger.matching.matching import has_payments_to_match
from segmentation.ledger.pieces import divide_facts, join_pieces
from segmentation.ledger.quality import describe_quality, measure_statements
from segmentation.ledger.shrinkage import DeliveryAccount, require_not_shrunk
from segmentation.ledger.sources import join_blocks, read_blocks
from segmentation.ledger.tables_on_disk import TablesOnDisk, read_columns
from segmentation.ledger.truncation import COHORT_COLUMNS
from segmentation.ledger.unallocated_cash import build_unallocated_cash, list_unmatched_payments

ROWS_AT_ONCE = 4_000_000
"""Rows of a delivery that are worked on at one time; about a quarter of a gigabyte for each million."""

_BALANCE = "core_instalment_balance"


@dataclass(frozen=True)
class LoadedLedger:
    """A ledger as it was known on a day.

    Parameters
    ----------
    as_of : the as-of day.
    files : ``raw_file``, the files of the delivery.
    ledger : every ``core_`` table, as known on the as-of day; of a large ledger each is read from disk when
        it is asked for.
    """

    as_of: date
    files: pl.DataFrame
    ledger: Frames

    def read_columns(self, name: str, columns: Sequence[str]) -> pl.DataFrame:
        """Return some columns of a table, its rows in no order; of a large ledger nothing else is read."""
        return read_columns(self.ledger, name, columns)


class _EntangledError(Exception):
    """Something must be told of all customers together."""


def load_ledger(
    path: Path,
    mapping: SourceMapping | str | Path,
    as_of: date | None = None,
    settings: LedgerSettings = LedgerSettings(),  # noqa: B008  frozen
    *,
    today: date | None = None,
    previous: DeliveryAccount | None = None,
    rows_at_once: int = ROWS_AT_ONCE,
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
    rows_at_once : a delivery with more rows is worked on in pieces that share no customer, so that memory does
        not grow with it; the result does not depend on it. Where payments are to be matched, which may be
        anybody's, control totals count all rows or an earlier delivery is compared with, there is one piece.

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
    converted = convert_each(_set_aside_files(read_blocks(Path(path), mapping), files), mapping, settings)
    pieces = divide_facts(converted, mapping, rows_at_once)
    raw_file = join_blocks("raw_file", files)
    require_enough_rows(raw_file, mapping)
    earlier = previous if previous is not None and previous.mapping_name == mapping.name else None
    if len(pieces) > 1 and (earlier or any(piece["core_control_total"].height for piece in pieces)):
        pieces = [join_pieces(pieces)]
    keep = dict if len(pieces) == 1 else TablesOnDisk.keep
    day = accept_pieces(raw_file, pieces, settings, as_of, today=today, keep=keep)
    if len(pieces) == 1:
        require_control_totals(raw_file, pieces[0], day)
        if earlier is not None:
            require_not_shrunk(earlier, pieces[0], settings)
        return LoadedLedger(day, raw_file, _work_out(raw_file, pieces, day, settings))
    try:
        on_disk = cast("list[TablesOnDisk]", pieces)  # several are
        ledger = _work_out_apart(raw_file, on_disk, day, settings)
    except _EntangledError:
        ledger = _work_out(raw_file, [join_pieces(pieces)], day, settings)
    return LoadedLedger(day, raw_file, ledger)


def _set_aside_files(blocks: Iterable[Frames], files: list[pl.DataFrame]) -> Iterator[Frames]:
    """Yield the blocks and keep their rows of ``raw_file``, which are no facts."""
    for block in blocks:
        if "raw_file" in block:
            files.append(block["raw_file"])
        yield block


def _work_out(files: pl.DataFrame, pieces: list[Frames], day: date, settings: LedgerSettings) -> Frames:
    """Return every ``core_`` table from the only piece of a delivery, which is let go."""
    facts = pieces.pop()
    known = as_known(facts, day)
    listed_on = find_list_day(known["core_stated_balance"], day)
    measured = measure_delivery(facts, known, day, settings, listed_on=listed_on)
    known = match_by_first_known(known, facts, day)
    del facts  # every version of every row: as large as the ledger itself
    ledger, statements = _reconcile(known, day)
    delivery_check = describe_delivery(files, ledger["core_quarantine"], measured)
    return ledger | {"core_quality": describe_quality(delivery_check, statements, ledger[_BALANCE], day)}


def _work_out_apart(
    files: pl.DataFrame, pieces: Sequence[TablesOnDisk], day: date, settings: LedgerSettings
) -> Frames:
    """Return every ``core_`` table from pieces, each worked out on its own and kept on disk."""
    stated = [piece["core_stated_balance"].filter(pl.col(OBSERVED_AT) < start_of(day)) for piece in pieces]
    listed_on = find_list_day(pl.concat(stated), day)
    worked = work_on(lambda piece: _work_out_piece(piece, day, settings, listed_on), pieces)
    ledger, measures = TablesOnDisk.join(part for part, _ in worked), [measured for _, measured in worked]
    if listed_on not in {None, *(measured["listed_on"].item() for measured in measures)}:
        raise _EntangledError  # no row of the latest list could be used
    joined = join_measures(measures)
    delivery_check = describe_delivery(files, ledger["core_quarantine"], joined)
    balances = read_columns(ledger, _BALANCE, COHORT_COLUMNS)
    ledger.add("core_quality", describe_quality(delivery_check, joined, balances, day))
    return ledger


def _work_out_piece(
    piece: TablesOnDisk, day: date, settings: LedgerSettings, listed_on: date | None
) -> tuple[TablesOnDisk, dict[str, pl.DataFrame]]:
    """Return every ``core_`` table but the checks from one piece, and what was measured on it."""
    facts = dict(piece)
    known = as_known(facts, day)
    latest = pl.DataFrame({"listed_on": [find_list_day(known["core_stated_balance"], day)]})
    measured = measure_delivery(facts, known, day, settings, listed_on=listed_on, match=_match_apart)
    known = _match_apart(known, facts, day)
    as_delivered = {name for name in facts if known[name].equals(facts[name])}
    del facts
    built, statements = _reconcile(known, day)
    kept = TablesOnDisk.keep({name: rows for name, rows in built.items() if name not in as_delivered})
    kept.share(piece, as_delivered)
    return kept, measured | statements | {"listed_on": latest.cast(pl.Date)}


def _match_apart(ledger: Frames, facts: Frames, as_of: date) -> dict[str, pl.DataFrame]:
    """Return the ledger with payments matched, of which there must be none to match."""
    if has_payments_to_match(ledger, as_of):
        raise _EntangledError
    return match_by_first_known(ledger, facts, as_of)


def _reconcile(ledger: Frames, as_of: date) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Return every ``core_`` table but the checks, payments being matched, and what the checks are told from."""
    lines = list_movements(ledger)
    balances, payments = run_both(
        lambda: build_instalment_balances(ledger, as_of, lines),
        lambda: list_unmatched_payments(ledger, lines),
    )
    cash = build_unallocated_cash(ledger, lines, payments)
    built = {**ledger, _BALANCE: balances, "core_unallocated_cash": cash}
    return built, measure_statements(built, as_of, lines, payments)
