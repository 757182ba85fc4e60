"""Which rows of a ledger have to do with each other, so that those that have not can be worked on apart.

Belongs here: identifiers joined into groups that share no row. Does not belong here: where rows are kept
meanwhile (tables_on_disk), what is done with a group (pieces).

An allocation joins its payment and its invoice, these their customers, and so on: what is told of one group
depends on no row of another. Groups are kept by a forest of disjoint sets (Galler and Fischer 1964) over
64-bit hashes of identifiers. Two identifiers with one hash only make two groups one, which is no error.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, QUARANTINE
from segmentation.domain.schema import Frames, Table
from segmentation.ledger.quarantine import read_first_key
from segmentation.ledger.source_rows import write_source_id

_LINE = "source line"
_KINDS: Mapping[str, str] = {"credit_note_id": "invoice_id", "reversal_of": "payment_id"}
_APART = frozenset({"source_id", "parent_customer_id", "end_to_end_id", "template_id"})
"""Identifiers by which no row is looked up in a ledger that allocates its own payments."""

Hashes = npt.NDArray[np.uint64]


class LinkedRows:
    """Groups of rows that share identifiers, directly or through others."""

    def __init__(self) -> None:
        from segmentation.domain.disjoint_sets import DisjointSets

        self._sets = DisjointSets()

    def add(self, facts: Frames) -> None:
        """Join what the rows of a block share.

        Parameters
        ----------
        facts : some canonical tables and ``core_quarantine``, as ``convert_each`` yields them: all rows of
            a line are in one block.
        """
        filled = [name for name in CANONICAL_TABLES if name in facts and facts[name].height]
        for name in filled:
            rows = facts[name]
            first, *others = _list_identifiers(CANONICAL_TABLES[name])
            own = _hash(rows, first)
            linked = [hashes for other in others if (hashes := _hash_given(own, rows, other)) is not None]
            lines = _hash_text(rows.get_column("source_id"), _LINE)
            if len(filled) > 1 or pl.Series(lines).n_unique() < rows.height:
                linked.append(lines)
            self._sets.join(own, *linked)
        quarantine = facts.get(QUARANTINE.name)
        if quarantine is None or not quarantine.height:
            return
        lines = _hash_lines(quarantine)
        for column in ("customer_id", "invoice_id"):
            self._join(lines, quarantine, (column, column))
        for (name,), rows in (
            quarantine.filter(pl.col("row_key").is_not_null())
            .partition_by("table_name", as_dict=True)
            .items()
        ):
            key = rows.select(read_first_key(name))
            self._join(_hash_lines(rows), key, _list_identifiers(CANONICAL_TABLES[name])[0])
        refused = quarantine.select(write_source_id()).to_series().unique().implode()
        for name in filled if len(filled) == 1 else ():
            rows = facts[name].filter(pl.col("source_id").is_in(refused))
            own = _hash(rows, _list_identifiers(CANONICAL_TABLES[name])[0])
            self._sets.join(own, _hash_text(rows.get_column("source_id"), _LINE))

    def _join(self, own: Hashes, rows: pl.DataFrame, identifier: tuple[str, str]) -> None:
        if (hashes := _hash_given(own, rows, identifier)) is not None:
            self._sets.join(own, hashes)

    def number_rows(self, name: str, rows: pl.DataFrame, count: int) -> pl.Series:
        """Return in which of ``count`` pieces each row is; those of a group are in the same one.

        Parameters
        ----------
        name : a canonical table or ``core_quarantine``.
        rows : rows of it that were added before.
        count : how many pieces there are.
        """
        if name == QUARANTINE.name:
            own = _hash_lines(rows)
        else:
            own = _hash(rows, _list_identifiers(CANONICAL_TABLES[name])[0])
        return pl.Series("piece", (self._sets.find_groups(own) % np.uint64(count)).astype(np.uint16))


def _list_identifiers(table: Table) -> Sequence[tuple[str, str]]:
    """Return the columns that name rows of this table or another, with what they name; the key's first."""
    return list(_name_kinds(table))


def _name_kinds(table: Table) -> Iterator[tuple[str, str]]:
    for column in table.column_names:
        if column in _KINDS:
            yield column, _KINDS[column]
        elif column == "scope_id":  # a customer or an invoice: both, since one group too few is no error
            yield column, "customer_id"
            yield column, "invoice_id"
        elif column not in _APART and (column.endswith("_id") or column == table.key[0]):
            yield column, column


def _hash(rows: pl.DataFrame, identifier: tuple[str, str]) -> Hashes:
    column, kind = identifier
    return _hash_text(rows.get_column(column), kind)


def _hash_given(own: Hashes, rows: pl.DataFrame, identifier: tuple[str, str]) -> Hashes | None:
    """Return the hashes of what rows name, or their own where they name nothing; None where none does."""
    is_null = rows.get_column(identifier[0]).is_null()
    if is_null.all():
        return None
    hashes = _hash(rows, identifier)
    return np.where(is_null.to_numpy(), own, hashes) if is_null.any() else hashes


def _hash_lines(quarantine: pl.DataFrame) -> Hashes:
    return _hash_text(quarantine.select(write_source_id()).to_series(), _LINE)


def _hash_text(texts: pl.Series, kind: str) -> Hashes:
    seed = int(pl.Series([kind]).hash().item())
    return texts.hash(seed).to_numpy()
