"""Rows that a source changed between two deliveries: what each version said, and from when on.

Belongs here: facts of earlier versions of a row, and when a later one was learned. Does not belong here: which
version is the latest (lookups), what was believed on a day (as_known).
"""

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, RAW_TABLES
from segmentation.domain.schema import Frames
from segmentation.ledger.lookups import CHANGED_AT, ENTITY, NUMBER, Lookups
from segmentation.ledger.mapping import OBSERVED_AT
from segmentation.ledger.record_files import SourceFile
from segmentation.ledger.records import LINE, RecordSet

Route = Callable[[SourceFile, RecordSet], Frames]

_OF_THE_DAY = frozenset({"raw_stated_balance"})
"""Tables that say what was so on the day of the export: of these the latest list counts."""

_PLACE = frozenset({"source_file", LINE, "source_part", "source_route", OBSERVED_AT, "observed_at_text"})
_IS_TOLD = "is_told"


class RowVersions:
    """What earlier deliveries said of rows that came again in a later version.

    Parameters
    ----------
    lookups : files that the mapping reads.
    route : what makes ``raw_`` tables of the rows of a file.
    """

    def __init__(self, lookups: Lookups, route: Route) -> None:
        self._lookups = lookups
        self._route = route
        self._told: dict[str, dict[str, pl.DataFrame]] = {}

    def tell(self, source: SourceFile, block: Frames) -> tuple[dict[str, pl.DataFrame], int]:
        """Return the ``raw_`` tables of a file with its earlier versions, and how many more lines fill them.

        Notes
        -----
        The first version of a fact is known from when the mapping says, and stays where it was first read; one
        that says something else is known from when the source changed it. An earlier one is left out where the
        latest version of its row no longer tells of that fact (a document that was voided): nothing would end it.
        """
        name = source.kind.name
        if name not in self._told:
            self._told[name] = self._tell_all(name) if source.kind.version else {}
        tables = dict(block)
        for raw_name, versions in self._told[name].items():
            own = versions.filter(pl.col("source_file") == source.name)
            if own.height and raw_name in block:
                others = block[raw_name].join(own, on=LINE, how="anti")
                tables[raw_name] = pl.concat([others, own.filter(_IS_TOLD).select(others.columns)])
        return tables, _count_lines(tables) - _count_lines(block)

    def _tell_all(self, name: str) -> dict[str, pl.DataFrame]:
        """Return the facts of all rows with several versions, by ``raw_`` table, with whether each is told."""
        facts: dict[str, list[pl.DataFrame]] = {}
        for source, records, versions in self._lookups.join_versions(name):
            rows = records.rows.join(versions.select(LINE), on=LINE, how="semi")
            for raw_name, routed in self._route(source, replace(records, rows=rows)).items():
                if raw_name.replace("raw_", "core_", 1) in CANONICAL_TABLES and raw_name not in _OF_THE_DAY:
                    facts.setdefault(raw_name, []).append(routed.join(versions, on=LINE))
        return {raw_name: _date_versions(pl.concat(parts), raw_name) for raw_name, parts in facts.items()}


def _count_lines(tables: Frames) -> int:
    lines = [table.get_column(LINE) for table in tables.values()]
    return pl.concat(lines).n_unique() if lines else 0


def _date_versions(facts: pl.DataFrame, raw_name: str) -> pl.DataFrame:
    """Return the facts, each with the moment it is known from and whether it says something new and lasting."""
    key = CANONICAL_TABLES[raw_name.replace("raw_", "core_", 1)].key
    fact = [ENTITY, "source_route", *key]
    content = [name for name in RAW_TABLES[raw_name].column_names if name not in _PLACE]
    is_first = pl.col(NUMBER) == pl.col(NUMBER).min().over(fact)
    says_else = pl.any_horizontal(pl.col(c).ne_missing(pl.col(c).shift(1).over(fact)) for c in content)
    is_later = pl.col(OBSERVED_AT).is_not_null() & ~is_first
    dated = facts.sort(*fact, NUMBER, "source_part", nulls_last=False).with_columns(
        pl.when(is_later)
        .then(pl.max_horizontal(OBSERVED_AT, CHANGED_AT))
        .otherwise(OBSERVED_AT)
        .alias(OBSERVED_AT),
        (is_first | says_else).alias("is_new"),
        pl.col("is_last").any().over(fact).alias("goes_on"),
    )
    newest = pl.when("is_new").then(OBSERVED_AT).reverse().cum_min().reverse()
    following = newest.shift(-1).backward_fill().over(fact)
    is_told = pl.col("is_new") & (following.is_null() | (pl.col(OBSERVED_AT) < following))
    return dated.with_columns((is_told & pl.col("goes_on")).alias(_IS_TOLD))
