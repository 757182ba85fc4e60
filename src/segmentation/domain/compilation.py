"""Compiled functions, kept between runs where the machine lets them be kept.

Belongs here: the one way in which this library compiles. Importing this module imports numba: import it
where compiled code is used, so that short commands start fast.

Notes
-----
numba keeps machine code until the file of the function changes. A compiled function also holds the functions
that it calls and the constants of their modules, so it would outlive a change of those: the machine code is
kept under a digest of all modules beside compiled ones.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

_ROOMS = Path(__file__).parents[1]
_MARK = b"@compiled"


def digest_sources(rooms: Path) -> str:
    """Return a digest of the modules in every folder that has a compiled function."""
    digest = hashlib.sha256()
    for room in sorted(path for path in rooms.iterdir() if path.is_dir()):
        sources = [path.read_bytes() for path in sorted(room.glob("*.py"))]
        if any(_MARK in source for source in sources):
            for source in sources:
                digest.update(hashlib.sha256(source).digest())
    return digest.hexdigest()[:16]


numba.config.CACHE_DIR = str(_ROOMS / "__pycache__" / f"compiled-{digest_sources(_ROOMS)}")


def compiled(signature: object) -> Callable[[Function], Function]:
    """Return a decorator that compiles to ``signature``, keeping the machine code where that can be written."""

    def decorate(function: Function) -> Function:
        try:
            return cast("Function", numba.njit(signature, cache=True, nogil=True)(function))
        except RuntimeError:  # numba found no folder to keep the machine code in
            return cast("Function", numba.njit(signature, nogil=True)(function))

    return decorate


def compiled_within(function: Function) -> Function:
    """Compile a function as a part of the compiled ones that call it: nothing of its own is kept or loaded."""
    return cast("Function", numba.njit(nogil=True)(function))
