"""SHA-256 of files.

Belongs here: hashing what lies on disk, with and without a memory of files already hashed. Does not
belong here: what the right checksum is (manifest) and what to do when it differs.
"""

import hashlib
from functools import lru_cache
from pathlib import Path


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_unchanged_file(path: Path) -> str:
    """Return the SHA-256 of a file, remembered for as long as its size, times and inode stay the same.

    Notes
    -----
    The change time of the inode cannot be set by a program, so rewriting a file always leads to a new
    hash. Damage of the medium beneath an unchanged inode does not: ``verify_snapshot`` remembers nothing.
    """
    status = path.stat()
    return _hash_version(path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=1024)
def _hash_version(path: Path, *_version: int) -> str:
    return hash_file(path)
