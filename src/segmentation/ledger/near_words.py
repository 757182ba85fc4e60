"""The word that was probably meant, for messages about one that is not known.

Belongs here: likeness of words. Does not belong here: what is said with it.
"""

import difflib
import re
from collections.abc import Iterable


def hint(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: the nearest known one, or all of them."""
    match = nearest(word, known)
    return f"; did you mean {match!r}" if match else f"; known are {', '.join(sorted(known))}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like ``word``, ignoring case and separators; None when none is alike."""
    plain = {re.sub(r"[\W_]+", "", name).casefold(): name for name in known}
    found = difflib.get_close_matches(re.sub(r"[\W_]+", "", word).casefold(), plain, n=1, cutoff=0.55)
    return plain[found[0]] if found else None
