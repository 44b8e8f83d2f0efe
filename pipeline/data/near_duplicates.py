"""Count held-out rows that nearly repeat a training row: newspapers reprint agencies' reports.

Rows are near-duplicates if they end in the same words, regardless of case and punctuation. When a
report is printed twice, its headline changes more often than its end.
"""

import re
from collections.abc import Iterable, Mapping

WORDS = 12
_WORD = re.compile(r"\w+")


def ending(text: str, words: int = WORDS) -> str:
    """The last words of a text, or all if it has fewer, in lower case and without punctuation."""
    return " ".join(_WORD.findall(text.lower())[-words:])


def near_duplicates(
    train: Iterable[str], held_out: Mapping[str, Iterable[str]], words: int = WORDS
) -> dict[str, int]:
    """Count the held-out rows that end in the same words as some training row.

    Args:
        train: texts of the training rows.
        held_out: texts of the held-out rows, by split.
        words: how many words at the end must be the same.

    Returns:
        ``words``, and the number of such rows by split, as ``run.json`` stores them.
    """
    known = {ending(text, words) for text in train}
    counts = {
        split: sum(ending(text, words) in known for text in texts)
        for split, texts in held_out.items()
    }
    return {"words": words, **counts}
