"""The one resource: which ledger is run, as of when, with which settings, and where results go.

Belongs here: translation of the environment and of a run's configuration into arguments, and the
only access of assets to the warehouse. No ``from __future__ import annotations`` in this package:
Dagster reads annotations at run time.
"""

import datetime as dt
import fcntl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import dagster as dg
import polars as pl
from pydantic import PrivateAttr

from pipelines.days import find_today, parse_day, refuse_coming_day
from pipelines.progress_log import report_table
from pipelines.run_history import forget_old_runs
from pipelines.settings_file import load_settings
from segmentation.domain.core_tables import RUN
from segmentation.domain.errors import UsageError
from segmentation.domain.schema import Table
from segmentation.domain.settings import Settings
from segmentation.ledger.mapping import SourceMapping
from segmentation.ledger.mapping_files import load_mapping
from segmentation.ledger.warehouse import Warehouse


def parse_as_of(text: str) -> dt.date | None:
    """Return the as-of day written as YYYY-MM-DD, or None when ``text`` is empty.

    Raises
    ------
    UsageError
        When the text is not a date in that form.
    """
    return parse_day(text, "--as-of") if text else None


DECISIONS_VARIABLE = "SEGMENTATION_DECISIONS"
"""Environment variable with the URL of the decisions store, password included: Dagster keeps its name only."""


class Run(dg.ConfigurableResource[None]):
    """What a run is about, and its warehouse.

    Parameters
    ----------
    ledger : file or folder with the export.
    mapping : name of a shipped mapping, or path of a mapping file.
    data_root : folder for the warehouse, the snapshots and the decisions.
    as_of : day as YYYY-MM-DD; empty means the day after the newest fact in the ledger.
    settings_file : YAML file with settings; empty means the defaults.
    decisions_url : SQLAlchemy URL of the decisions store; empty means a file under ``data_root``.
    accept_smaller : whether a delivery may have less than the one before it.
    """

    ledger: str
    mapping: str = "canonical"
    data_root: str = "data"
    as_of: str = ""
    settings_file: str = ""
    decisions_url: str = ""
    accept_smaller: bool = False

    _lock: IO[str] | None = PrivateAttr(default=None)
    _inputs: str = PrivateAttr(default="")
    _open_warehouse: Warehouse | None = PrivateAttr(default=None)

    @property
    def root(self) -> Path:
        """Folder for all results."""
        return Path(self.data_root)

    @property
    def source_mapping(self) -> SourceMapping:
        """The mapping of the ledger."""
        return load_mapping(self.mapping)

    @property
    def settings(self) -> Settings:
        """Settings of the run."""
        return load_settings(Path(self.settings_file) if self.settings_file else None)

    @property
    def requested_as_of(self) -> dt.date | None:
        """As-of day that was asked for; None means the day after the newest fact."""
        return parse_as_of(self.as_of)

    @property
    def decisions_location(self) -> str:
        """Where the decisions of credit managers are kept."""
        return self.decisions_url or str(self.root / "decisions.sqlite")

    @property
    def warehouse_path(self) -> Path:
        """The private warehouse of the pipeline."""
        return self.root / "warehouse.duckdb"

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Hold the data root for this run, however it was started; schedules and sensors only look."""
        if context.run:
            refuse_coming_day(self.requested_as_of, find_today())
            self._lock = lock_data_root(self.root)
            if context.instance:
                forget_old_runs(context.instance, self.settings.publish.keep_snapshots)
            # Before anything is read: what is delivered during the run is not what it was made from.
            from pipelines.run_facts import fingerprint_inputs

            self._inputs = fingerprint_inputs(self)

    @property
    def inputs(self) -> str:
        """Hash of all that the run in progress was told (``run_facts.fingerprint_inputs``), taken as it began."""
        return self._inputs

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Close the warehouse and give the data root free."""
        if self._open_warehouse is not None:
            self._open_warehouse.close()
            self._open_warehouse = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def _use_warehouse(self) -> Iterator[Warehouse]:
        """Give the warehouse: a run opens it once and holds it, whoever only looks opens it for a moment."""
        if self._lock is None:
            with Warehouse(self.warehouse_path) as warehouse:
                yield warehouse
            return
        if self._open_warehouse is None:
            self._open_warehouse = Warehouse(self.warehouse_path)
        yield self._open_warehouse

    def load(self, tables: Iterable[Table]) -> dict[str, pl.DataFrame]:
        """Return these tables of the warehouse by name."""
        with self._use_warehouse() as warehouse:
            return {table.name: warehouse.read_table(table) for table in tables}

    def load_as_of(self) -> dt.date:
        """Return the as-of day of what is in the warehouse."""
        day: dt.date = self.load([RUN])[RUN.name].item(0, "as_of_date")
        return day

    def list_older_tables(self, tables: Iterable[Table]) -> list[str]:
        """Return which of these tables were not written since the facts in ``core_run`` are the ones in the warehouse."""
        with self._use_warehouse() as warehouse:
            origins = warehouse.read_origins()
        return [table.name for table in tables if origins.get(table.name) != origins.get(RUN.name, "")]

    def store(
        self, table: Table, frame: pl.DataFrame, metadata: Mapping[str, dg.MetadataValue] | None = None
    ) -> dg.MaterializeResult[None]:
        """Write ``frame`` as ``table`` and return its row count and columns as metadata.

        Every table remembers the run that ``core_run`` stood for when it was written (``list_older_tables``).
        """
        with self._use_warehouse() as warehouse:
            if table is RUN:
                origin = "{as_of_date} {data_hash}".format(**frame.row(0, named=True))
            else:
                origin = warehouse.read_origins().get(RUN.name, "")
            warehouse.write_table(table, frame, origin)
        report_table(table.name, frame.height)
        return dg.MaterializeResult(
            asset_key=table.name,
            metadata={"dagster/row_count": frame.height, "grain": table.grain, **(metadata or {})},
        )


def lock_data_root(data_root: Path) -> IO[str]:
    """Return the open lock file of the data root; closing it ends the lock.

    Raises
    ------
    UsageError
        When another run holds it.
    """
    data_root.mkdir(parents=True, exist_ok=True)
    lock = (data_root / "run.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise UsageError(
            "Another run is using this data root",
            where=str(data_root),
            remedy="Wait until it has ended, or choose another folder with --data-root.",
        ) from error
    return lock


def describe_columns(table: Table) -> dg.TableSchema:
    """Return the table's columns for Dagster's catalogue, from its definition."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=str(column.data_type),
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.is_nullable),
                tags={"role": str(column.role)},
            )
            for column in table.columns
        ]
    )


def asset_spec(table: Table, group: str, deps: Iterable[str] = ()) -> dg.AssetSpec:
    """Return the asset of a table: key, columns and grain all come from its definition."""
    return dg.AssetSpec(
        table.name,
        description=f"One row per {table.grain}.",
        group_name=group,
        deps=sorted(deps),
        kinds={"polars", "duckdb"},
        metadata={"dagster/column_schema": describe_columns(table)},
    )
