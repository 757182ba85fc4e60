"""Compiled functions, kept between runs where the machine lets them be kept.

Belongs here: the one way in which this library compiles. Importing this module imports numba: import it
where compiled code is used, so that short commands start fast.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(signature: object) -> Callable[[Function], Function]:
    """Return a decorator that compiles to ``signature``, keeping the machine code where that can be written."""

    def decorate(function: Function) -> Function:
        try:
            return cast("Function", numba.njit(signature, cache=True, nogil=True)(function))
        except RuntimeError:  # numba found no folder to keep the machine code in
            return cast("Function", numba.njit(signature, nogil=True)(function))

    return decorate
