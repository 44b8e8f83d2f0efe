"""Turns pasted or uploaded lines into the texts to classify."""

import io
from collections.abc import Iterable

from pipeline.data.uploads import cut_remark
from pipeline.inference.graph import MAX_CHARACTERS

MAX_HEADLINES = 10_000


def split_headlines(pasted: str, nouns: str = "texts") -> tuple[list[str], list[str]]:
    """Split a pasted text into one text per line; return what ``keep_headlines`` returns."""
    # StringIO reads line by line: the pasted text may have millions of lines.
    return keep_headlines(io.StringIO(pasted, newline=None), "Blank lines", nouns)


def keep_headlines(
    lines: Iterable[str | None], blanks: str, nouns: str = "texts"
) -> tuple[list[str], list[str]]:
    """The texts to classify, and remarks on what is left out or not read to its end.

    Args:
        lines: the texts; the first ``MAX_HEADLINES`` that are not blank are kept.
        blanks: what a remark calls the blank ones.
        nouns: what a remark calls the texts.
    """
    blank = 0
    texts: list[str] = []
    remarks: list[str] = []
    for line in lines:
        if not (text := (line or "").strip()):
            blank += 1
        elif len(texts) < MAX_HEADLINES:
            texts.append(text)
        else:
            remarks.append(cut_remark(MAX_HEADLINES, nouns))
            break
    if blank:
        remarks.append(f"{blanks} are left out: {blank:,}.")
    if cut := sum(len(text) > MAX_CHARACTERS for text in texts):
        remarks.append(f"Longer than {MAX_CHARACTERS:,} characters and read only so far: {cut:,}.")
    return texts, remarks
