"""Headings of a file, in the language of whoever exported it, as the columns that its mapping names.

Belongs here: renaming by the mapping's ``labels`` and adding what may be lacking. Does not belong here:
columns that are missing or that nobody maps (headers).
"""

from dataclasses import replace

import polars as pl

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.mapping import FileMapping
from segmentation.ledger.records import RecordSet


def translate_header(records: RecordSet, kind: FileMapping, source_file: str) -> RecordSet:
    """Return the records under the names that the mapping has for their columns.

    Raises
    ------
    InputRefusedError
        When two columns of the file go by names of one column of the mapping.
    """
    if not (kind.labels or kind.may_lack):
        return records
    columns = {
        label.casefold(): column for column, labels in kind.labels.items() for label in (column, *labels)
    }
    new = {name: columns[name.casefold()] for name in records.header if name.casefold() in columns}
    for column in dict.fromkeys(new.values()):
        old = [name for name, target in new.items() if target == column]
        if len(old) > 1:
            raise InputRefusedError(
                f"{' and '.join(map(repr, old))} both stand for {column}",
                where=source_file,
                remedy="Take one of them out of the export, or correct `labels` in the mapping.",
            )
    header = [new.get(name, name) for name in records.header]
    lacking = [column for column in kind.may_lack if column not in header]
    return replace(
        records,
        header=[*header, *lacking],
        rows=records.rows.rename(new).with_columns(
            pl.lit(None, dtype=pl.String).alias(column) for column in lacking
        ),
    )
