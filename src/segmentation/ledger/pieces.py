"""The facts of a large delivery, divided into pieces that have nothing to do with each other.

Belongs here: which facts are worked on together, so that not all of them have to be in memory. Does not
belong here: what is worked out (loading), which rows share anything (linked_rows).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, QUARANTINE
from segmentation.domain.schema import Frames
from segmentation.domain.side_by_side import read_ahead, run_both, work_on
from segmentation.ledger.conflicts import join_facts, may_conflict
from segmentation.ledger.linked_rows import LinkedRows
from segmentation.ledger.mapping import SourceMapping
from segmentation.ledger.tables_on_disk import TablesOnDisk

_FACTS = {**CANONICAL_TABLES, QUARANTINE.name: QUARANTINE}
_ROWS_AT_ONCE = 1_200_000
"""So many rows are divided together: few large files are read and written faster than many small ones."""

_PIECES_AT_ONCE = 2
"""So many times smaller than what may be in memory is a piece: working it out takes more than its rows."""


def divide_facts(converted: Iterable[Frames], mapping: SourceMapping, rows_at_once: int) -> list[Frames]:
    """Return all facts of a delivery, in one piece in memory or in several on disk.

    Parameters
    ----------
    converted : as ``convert_each`` yields them.
    mapping : the mapping that they were read with.
    rows_at_once : a delivery with more rows is divided.

    Returns
    -------
    Pieces of every canonical table and ``core_quarantine``. Rows of different pieces share neither line nor
    key nor any identifier, not even through other rows; so a piece is as large as what is linked.
    """
    blocks = iter(converted)
    held: list[Frames] = []
    row_count = 0
    for block in blocks:
        held.append(block)
        row_count += _count_rows(block)
        if row_count > rows_at_once:
            return _divide_on_disk(_go_on(held, blocks), mapping, rows_at_once)
    return [join_facts(_go_on(held, blocks), mapping)]


def join_pieces(pieces: Sequence[Frames]) -> dict[str, pl.DataFrame]:
    """Return the facts of all pieces as one."""
    return {
        name: table.conform(pl.concat([piece[name] for piece in pieces])) for name, table in _FACTS.items()
    }


def _count_rows(block: Frames) -> int:
    return sum(frame.height for frame in block.values())


def _go_on(held: list[Frames], blocks: Iterator[Frames]) -> Iterator[Frames]:
    """Yield the blocks that are held, letting go of each, and those that follow."""
    held.reverse()
    while held:
        yield held.pop()
    yield from blocks


def _divide_on_disk(blocks: Iterable[Frames], mapping: SourceMapping, rows_at_once: int) -> list[Frames]:
    staged, links, row_count = TablesOnDisk(), LinkedRows(), 0
    for block in read_ahead(blocks, 2):
        row_count += _count_rows(block)
        run_both(partial(links.add, block), partial(staged.add_tables, block))
    parts = [
        TablesOnDisk.keep({name: table.empty() for name, table in _FACTS.items()})
        for _ in range(math.ceil(row_count / rows_at_once * _PIECES_AT_ONCE))
    ]
    for name, divided in read_ahead(_divide_blocks(staged, links, len(parts))):
        for (number,), part in divided.items():
            parts[int(number)].add(name, part)
    del links
    return work_on(lambda part: _put_conflicts_aside(part, mapping), parts)


def _divide_blocks(
    staged: TablesOnDisk, links: LinkedRows, count: int
) -> Iterator[tuple[str, dict[tuple[Any, ...], pl.DataFrame]]]:
    """Yield the name and the rows by number of their piece of every block that was staged, and keep it no longer."""
    for name in list(staged):
        for rows in staged.take_blocks(name, _ROWS_AT_ONCE):
            numbered = rows.with_columns(links.number_rows(name, rows, count))
            yield name, numbered.partition_by("piece", as_dict=True, include_key=False)


def _put_conflicts_aside(part: TablesOnDisk, mapping: SourceMapping) -> TablesOnDisk:
    """Return a piece without rows that contradict each other."""
    if not may_conflict(part, mapping):
        return part
    facts = join_facts(({name: rows} for name in part for rows in part.read_blocks(name)), mapping)
    has_conflicts = facts[QUARANTINE.name].height > part[QUARANTINE.name].height
    return TablesOnDisk.keep(facts) if has_conflicts else part
