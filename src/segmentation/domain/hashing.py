"""Content hashes: the same rows give the same hash, whatever their order or file.

Belongs here: hashing of frames and texts in memory. Hashing of files is with those who read them.
"""

import hashlib
from collections.abc import Iterable

import polars as pl
import polars.selectors as cs

_BATCH_ROWS = 200_000


def hash_text(*parts: str) -> str:
    """Return the SHA-256 of the parts, each preceded by its length, as 64 hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(f"{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()


def hash_rows(frame: pl.DataFrame) -> list[str]:
    """Return ``hash_text`` of the columns of each row, which are text without nulls."""
    parts = [
        part
        for name in frame.columns
        for part in (pl.col(name).str.len_bytes().cast(pl.String), pl.lit(":"), pl.col(name))
    ]
    texts = frame.select(pl.concat_str(parts)).to_series()
    return [hashlib.sha256(text.encode()).hexdigest() for text in texts]


def hash_frame(frame: pl.DataFrame, *, ignore: Iterable[str] = ()) -> str:
    """Return the SHA-256 of a frame's columns and rows, independent of the order of its rows.

    Parameters
    ----------
    frame : any frame; columns are hashed in their order, rows after sorting by all columns.
    ignore : columns that do not count (provenance, say).

    Notes
    -----
    Rows are written as JSON lines, which spells every type out in full (decimals with their scale,
    timestamps with microseconds), so that the hash depends on values and not on memory layout.
    """
    kept = frame.drop([name for name in ignore if name in frame.columns])
    digest = hashlib.sha256()
    digest.update(repr([(name, str(dtype)) for name, dtype in kept.schema.items()]).encode())
    if kept.width and kept.height:
        # Lists become JSON text, which sorts and cannot run together; adding 0 turns -0.0 into 0.0.
        plain = kept.with_columns(
            pl.struct(name).struct.json_encode().alias(name)
            for name, dtype in kept.schema.items()
            if dtype == pl.List(pl.String())
        ).with_columns(cs.float() + 0.0)
        ordered = plain.sort(plain.columns, nulls_last=True)
        for batch in ordered.iter_slices(_BATCH_ROWS):
            digest.update(batch.write_ndjson().encode())
    return digest.hexdigest()
