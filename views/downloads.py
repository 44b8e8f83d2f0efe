"""What people download: answers as a table, and a table as CSV."""

import csv
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from views.answers import runners_up, votes_of
from views.charts.palette import MANY_CLASSES

# What spreadsheets take for the start of a formula, in East Asian widths too.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def to_download(
    texts: Sequence[str],
    given: Mapping[str, np.ndarray],
    names: Sequence[str],
    noun: str = "text",
) -> pd.DataFrame:
    """What is downloaded: a row a text; each model's answer and all its probabilities.

    Of many classes, these are the likeliest three.

    Args:
        texts: at least as many as were answered.
        given: by role, probabilities of shape (n, k) of the first n texts.
        names: of the k classes.
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
    # A model may be called as the noun is.
    frame.insert(0, noun, list(texts[: len(votes)]), allow_duplicates=True)
    return frame


# Languages whose spreadsheets read 0,5 for a half and separate cells by semicolons; and places
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
    """CSV that spreadsheets open as it is meant: letters, figures, and no formula.

    It starts with the mark by which Excel knows UTF-8. A text that starts like a formula has an
    apostrophe before it (OWASP: CSV injection). Texts are in quotes, so that a semicolon in the
    first of a row does not start a cell where semicolons separate them.

    Args:
        table: what is downloaded.
        decimal_comma: figures and separators as German Excel reads them: 0,5 and a semicolon.
    """

    def defused(value: Any) -> Any:
        return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

    safe = table.rename(columns=defused)
    for position, kind in enumerate(safe.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):  # bool is one of them
            safe.isetitem(position, [defused(value) for value in safe.iloc[:, position]])
    text = safe.to_csv(
        index=False,
        quoting=csv.QUOTE_NONNUMERIC,
        lineterminator="\n",
        sep=";" if decimal_comma else ",",
        decimal="," if decimal_comma else ".",
    )
    return text.encode("utf-8-sig", "replace")
