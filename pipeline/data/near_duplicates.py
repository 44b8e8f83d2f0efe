"""How many held-out rows nearly repeat a training row. News agencies' texts are printed twice.

Pure: texts in, counts out. Rows are called near-duplicates if they end in the same words, case and
punctuation aside: of two printings of one report the headline differs more often than the end.
"""

import re
from collections.abc import Iterable, Mapping

WORDS = 12
_WORD = re.compile(r"\w+")


def ending(text: str, words: int = WORDS) -> str:
    """The last words of a text, in lower case and without punctuation; of a shorter one, all."""
    return " ".join(_WORD.findall(text.lower())[-words:])


def near_duplicates(
    train: Iterable[str], held_out: Mapping[str, Iterable[str]], words: int = WORDS
) -> dict[str, int]:
    """Count the held-out rows that end in the same words as some training row.

    Args:
        train: texts of the training rows.
        held_out: by split, texts of its rows.
        words: how many at the end have to be the same.

    Returns:
        ``words``, and by split how many of its rows do; as ``run.json`` has it.
    """
    known = {ending(text, words) for text in train}
    counts = {
        split: sum(ending(text, words) in known for text in texts)
        for split, texts in held_out.items()
    }
    return {"words": words, **counts}
