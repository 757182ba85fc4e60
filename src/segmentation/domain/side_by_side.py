"""Work that is done side by side, because a step of Polars often keeps one core busy and leaves others idle.

Belongs here: sharing work out to threads. Does not belong here: the work; what each thread takes of memory.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

_AT_A_TIME = 2
"""A second piece of work fills what the first leaves idle; a third mostly takes memory."""

_Result = TypeVar("_Result")


def work_on(task: Callable[..., _Result], *parts: Iterable[Any]) -> list[_Result]:
    """Return what a task makes of each part, in their order; two are worked on at a time.

    Parameters
    ----------
    task : must not change what parts share.
    parts : its arguments, each with one entry per part.
    """
    with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:
        return list(pool.map(task, *parts))


def read_ahead(parts: Iterable[_Result], count: int = 1) -> Iterator[_Result]:
    """Yield the parts in their order; so many are made while the one before them is used."""
    waiting, end = iter(parts), object()
    with ThreadPoolExecutor(max_workers=1) as pool:
        following = deque(pool.submit(next, waiting, end) for _ in range(count))
        while (part := following.popleft().result()) is not end:
            following.append(pool.submit(next, waiting, end))
            yield cast("_Result", part)
            del part


def run_both(first: Callable[[], _Result], second: Callable[[], _Result]) -> tuple[_Result, _Result]:
    """Return what two tasks return that have nothing to do with each other."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        other = pool.submit(second)
        return first(), other.result()
