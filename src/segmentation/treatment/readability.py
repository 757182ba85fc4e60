"""How easily a text reads, by the Flesch formula of its language.

Belongs here: the formulas and how sentences, words and syllables are counted. Does not belong here: the
texts (messages/*.yaml).
"""

import re
from functools import cache

_SENTENCE_END = re.compile(r"[.!?]+(?=\s|$)|:(?=\s)|\n+")
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_VOWELS = re.compile(r"[aeiouyäöüàâéèêîôûùœæ]+|[ëï]+", re.IGNORECASE)
_MUTE_END = {
    "en": re.compile(r"(?<=[^aeiouyl])e$", re.IGNORECASE),
    "fr": re.compile(r"(?<=[^aeiouyé])es?$", re.IGNORECASE),
}

_FORMULAS: dict[str, tuple[float, float, float]] = {
    "en": (206.835, 1.015, 84.6),
    "nl": (206.84, 0.93, 77.0),
    "fr": (207.0, 1.015, 73.6),
    "de": (180.0, 1.0, 58.5),
}


@cache
def measure_reading_ease(text: str, language: str) -> float:
    """Return the Flesch reading ease of a text: 60 and more is plain language, 100 is very easy.

    Parameters
    ----------
    text : running text; a line break or a colon ends a sentence as well.
    language : nl, fr, en or de.

    Notes
    -----
    a − b × words per sentence − c × syllables per word, with the constants of Flesch (1948) for English,
    Douma (1960) for Dutch, Kandel & Moles (1958) for French and Amstad (1978) for German. Syllables are
    groups of vowels, mute final e left out in English and French. Counting hyphenation points instead,
    as some packages do, misses syllables ("o-pen") and makes a text look easier than it is.

    Examples
    --------
    >>> round(measure_reading_ease("The cat sat on the mat.", "en"))
    116
    """
    words = _WORD.findall(text)
    sentences = [part for part in _SENTENCE_END.split(text) if _WORD.search(part)]
    if not words:
        return 100.0
    base, per_word, per_syllable = _FORMULAS[language]
    syllables = sum(count_syllables(word, language) for word in words)
    ease = base - per_word * len(words) / len(sentences) - per_syllable * syllables / len(words)
    return round(ease, 1)


def count_syllables(word: str, language: str) -> int:
    """Return the syllables of a word, at least one.

    Examples
    --------
    >>> count_syllables("herinnering", "nl"), count_syllables("facture", "fr"), count_syllables("time", "en")
    (4, 2, 1)
    """
    mute = _MUTE_END.get(language)
    spoken = mute.sub("", word) if mute else word
    return max(1, len(_VOWELS.findall(spoken)))
