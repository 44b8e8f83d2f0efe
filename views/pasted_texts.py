"""From what is pasted or uploaded to the texts that are classified."""

import io
from collections.abc import Iterable

from pipeline.data.uploads import cut_remark
from pipeline.inference.graph import MAX_CHARACTERS

MAX_HEADLINES = 10_000


def split_headlines(pasted: str, nouns: str = "texts") -> tuple[list[str], list[str]]:
    """The lines of a text, one text each, and a remark on each thing that is left out or cut."""
    # Lazily: a text may hold millions of lines.
    return keep_headlines(io.StringIO(pasted, newline=None), "Blank lines", nouns)


def keep_headlines(
    lines: Iterable[str | None], blanks: str, nouns: str = "texts"
) -> tuple[list[str], list[str]]:
    """The texts that are classified, and a remark on each thing that is left out or cut.

    Args:
        lines: the texts; only the first ``MAX_HEADLINES`` that hold any are read.
        blanks: what those that hold none are called.
        nouns: what the texts are called.
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
