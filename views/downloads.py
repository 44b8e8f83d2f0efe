"""Downloads: answers as a table, and a table as CSV."""

import csv
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from views.answers import runners_up, votes_of
from views.charts.palette import MANY_CLASSES

# Characters that spreadsheets read as the start of a formula, full-width forms too.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def to_download(
    texts: Sequence[str],
    given: Mapping[str, np.ndarray],
    names: Sequence[str],
    noun: str = "text",
) -> pd.DataFrame:
    """The table to download: one row per text, with each model's answer and its probabilities.

    With many classes, only the three highest probabilities are in it. ``models_differ`` says
    whether the models' answers differ.

    Args:
        texts: at least n texts; only the first n are in the table.
        given: by role, probabilities of the first n texts, shape (n, k).
        names: the k class names.
        noun: name of the column of texts.
    """
    votes = votes_of(given) if given else np.empty((0, 0), int)
    table: dict[str, Any] = {"models_differ": (votes != votes[:, :1]).any(axis=1)}
    for position, (role, probabilities) in enumerate(given.items()):
        table[role] = np.array(names, dtype=object)[votes[:, position]]
        if len(names) >= MANY_CLASSES:
            table[f"{role} p"] = probabilities.max(axis=1)
            others = runners_up(probabilities, names)
            table |= {f"{role} {name}": column for name, column in others.items()}
            continue
        for number, name in enumerate(names):
            table[f"{role} {name}"] = probabilities[:, number]
    frame = pd.DataFrame(table).round(4)
    # A model may have the same name as this column.
    frame.insert(0, noun, list(texts[: len(votes)]), allow_duplicates=True)
    return frame


# Languages whose spreadsheets write one half as 0,5 and separate cells by semicolons, and regions
# where the same languages write 0.5.
_COMMA_LANGUAGES = (
    " az be bg bs ca cs da de el es et eu fi fr gl hr hu hy id is it ka kk ky lt lv mk nb nl nn no "
    "pl pt ro ru sk sl sq sr sv tr uk uz vi "
)
_POINT_REGIONS = " CH LI MX GT HN SV NI PA DO PR US "


def writes_comma(locale: str | None) -> bool:
    """Whether spreadsheets of a locale ("de-DE") read a comma as the decimal separator."""
    language, *more = (locale or "").replace("_", "-").split("-")
    elsewhere = any(f" {part.upper()} " in _POINT_REGIONS for part in more)
    return f" {language.lower()} " in _COMMA_LANGUAGES and not elsewhere


def to_csv(table: pd.DataFrame, decimal_comma: bool = False) -> bytes:
    """CSV that spreadsheets open correctly: letters and numbers are right, nothing is a formula.

    It starts with a byte order mark, by which Excel recognizes UTF-8. A text that starts like a
    formula gets an apostrophe before it (OWASP: CSV injection). Texts are in quotes. Otherwise a
    semicolon in the first text of a row could start a new cell.

    Args:
        table: the table to download.
        decimal_comma: write numbers and separators as German Excel reads them: 0,5 and semicolons.
    """

    def defused(value: Any) -> Any:
        return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

    safe = table.rename(columns=defused)
    for position, kind in enumerate(safe.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):  # bool counts as numeric
            safe.isetitem(position, [defused(value) for value in safe.iloc[:, position]])
    text = safe.to_csv(
        index=False,
        quoting=csv.QUOTE_NONNUMERIC,
        lineterminator="\n",
        sep=";" if decimal_comma else ",",
        decimal="," if decimal_comma else ".",
    )
    return text.encode("utf-8-sig", "replace")
