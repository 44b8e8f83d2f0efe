"""Rules for what a file does not say: whether it has a header, which columns hold texts and labels.

Names of columns count before their contents. The rules are the same for data sets, files to
classify and uploads. The result is always shown, so that users can choose otherwise.
"""

import re
from collections.abc import Iterable, Sequence

from pipeline.data.tables import Row, Table
from pipeline.errors import PipelineError

TITLES = ("headline", "headlines", "title")
BODIES = (
    *("description", "summary", "abstract", "text", "article", "body", "content", "story"),
    *("paragraph", "document"),
)
"""Columns that are joined to a title, or read alone if there is no title."""
TEXTS = (
    *("text", "sentence", "question", "query", "utterance", "review", "comment", "message"),
    *("tweet", "post", *BODIES),
)
"""Columns that are read if there is no title, the most likely first."""
LABELS = (
    *("label", "class", "class index", "class name", "category", "target", "topic", "intent"),
    *("sentiment", "labels", "label text", "label name"),
)
OTHERS = (
    *("id", "idx", "index", "no", "nr", "number", "row", "date", "time", "year", "url", "link"),
    *("source", "author", "publisher", "language", "lang", "split", "score"),
)
"""Columns that are neither text nor label; they show that a row is a header."""
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d+)?|[.,]\d+)([eE][-+]?\d+)?$")
_LONG_WORDS = 3
"""Texts have more words than this on average. Names of columns have at most two."""


def first_row_is_header(rows: Sequence[Row]) -> bool:
    """Whether a file has a header, from its first rows. The first rule that applies decides:

    1. A cell of the first row occurs again in its column: no header, because names do not repeat.
    2. A cell of the first row is a usual name of a column: a header.
    3. A cell of the first row is a number, or there are no other rows: no header.
    4. A column below holds only numbers: a header.
    5. All cells of the first row are short, and a column below holds texts: a header.
    6. Otherwise no header.
    """
    first, below = [(cell or "").strip() for cell in rows[0]], rows[1:]
    columns = [[(row[place] or "").strip() for row in below] for place in range(len(first))]
    if any(cell and cell in column for cell, column in zip(first, columns, strict=True)):
        return False
    if any(_usual(cell) for cell in first):
        return True
    if any(map(_is_number, first)) or not below:
        return False
    short = all(len(cell.split()) <= 2 for cell in first)
    return any(
        _all_numbers(column) or (short and _mean_words(column) > _LONG_WORDS) for column in columns
    )


def text_columns(table: Table) -> tuple[int, ...]:
    """Positions of the columns that make a text, in the order in which they are joined.

    By name, these are a title and a body, or else one column with a usual name for texts. Without
    such names, it is the only column that can hold texts. If several can, these are the second and
    third of three columns after a number (as AG News was first published), or else the column with
    the longest texts.
    """
    title = _named(table.names, TITLES)
    body = _named(table.names, BODIES, (title,))
    if title is not None and body is not None:
        return title, body
    named = title if title is not None else _named(table.names, TEXTS)
    if named is not None:
        return (named,)
    places = range(len(table.names))
    known = [place for place in places if _usual(table.names[place])]
    free = [p for p in places if p not in known and p not in table.no_texts] or list(places)
    if len(free) == 1:
        return (free[0],)
    rows = table.sample()
    columns = {place: [row[place] or "" for row in rows] for place in places}
    lettered = [p for p in free if any(map(str.isalpha, "".join(columns[p])))] or free
    if len(places) == 3 and lettered == [1, 2] and _all_numbers(columns[0]):
        return 1, 2
    return (max(lettered, key=lambda place: sum(map(len, columns[place]))),)


def label_column(table: Table, texts: Sequence[int], name: str) -> int:
    """Position of the column of labels: by its name, or else the only column besides the texts.

    Raises:
        PipelineError: there is no such column, or several columns could be it.
    """
    named = _named(table.names, LABELS, texts)
    if named is not None:
        return named
    rest = [place for place in range(len(table.names)) if place not in texts]
    likely = [place for place in rest if not _usual(table.names[place])]
    for places in (rest, likely):
        if len(places) == 1:
            return places[0]
    raise PipelineError(
        f"{name} has columns {listed(table.names)}; it needs text,label, "
        "or Zhang's three: class, title, description; --text and --label name them"
    )


def are_texts(table: Table, texts: Sequence[int]) -> bool:
    """Whether a column has a usual name for texts, or more than numbers in its first rows.

    This keeps a column of ids from being read as texts if a file has no texts.
    """
    rows = table.sample()
    return any(
        (_usual(table.names[place]) and _key(table.names[place]) not in {*LABELS, *OTHERS})
        or not _all_numbers([row[place] or "" for row in rows])
        for place in texts
    )


def asked_columns(table: Table, asked: Sequence[str], name: str) -> tuple[int, ...]:
    """Positions of the columns that the user asks for, by name or by number from 1.

    Raises:
        PipelineError: there is no such column.
    """
    if table.whole_lines:
        raise PipelineError(f"{name} has no columns to choose from: each of its lines is a text")
    positions = []
    for one in asked:
        place = _asked_column(table.names, one)
        places = [place] if place is not None else _asked_together(table.names, one)
        if not places:
            raise PipelineError(
                f"{name} has no column {one!r}; it has {listed(table.names)}; "
                f"numbers from 1 to {len(table.names)} name them, too"
            )
        positions += places
    return tuple(dict.fromkeys(positions))


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names for a message: the first ``most`` of them, and their number if there are more."""
    more = [f"… ({len(names):,} in all)"] if len(names) > most else []
    return ", ".join([*names[:most], *more])


def _asked_together(names: Sequence[str], asked: str) -> list[int]:
    """Positions of the columns in a list with commas; empty if one of them does not exist."""
    places = [_asked_column(names, one) for one in asked.split(",")]
    return [] if None in places else [place for place in places if place is not None]


def _asked_column(names: Sequence[str], asked: str) -> int | None:
    asked = asked.strip()
    for known in (list(names), [name.lower() for name in names]):
        for wanted in (asked, asked.lower()):
            if wanted in known:
                return known.index(wanted)
    if asked.isdecimal() and 1 <= int(asked) <= len(names):
        return int(asked) - 1
    return None


def _named(
    names: Sequence[str], wanted: Sequence[str], taken: Iterable[int | None] = ()
) -> int | None:
    """Position of the column with the earliest wanted name; columns in ``taken`` are skipped.

    If no name is equal to a wanted one, names that end in a wanted word count.
    """
    keys = [_key(name) for name in names]
    for ends in (False, True):
        for word in wanted:
            for place, key in enumerate(keys):
                if place not in taken and (_ends_in(key, word) if ends else key == word):
                    return place
    return None


def _ends_in(key: str, word: str) -> bool:
    """Whether a name of two or three words ends in ``word``, as "news headline" in "headline"."""
    words = key.split()
    return 2 <= len(words) <= 3 and words[-1] == word and key not in LABELS


def _usual(name: str) -> bool:
    """Whether a name is a usual one for columns, alone or after one other word."""
    words = _key(name).split()
    usual = {*TITLES, *TEXTS, *LABELS, *OTHERS}
    return " ".join(words) in usual or (len(words) == 2 and words[-1] in usual)


def _key(name: str) -> str:
    """A name's form for comparison: "Class_Index", "classIndex" and " class index " are equal."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[\W_]+", " ", apart).lower().split())


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.match(cell.strip()))


def _all_numbers(column: Sequence[str]) -> bool:
    filled = [cell for cell in column if cell.strip()]
    return bool(filled) and all(map(_is_number, filled))


def _mean_words(column: Sequence[str]) -> float:
    filled = [len(cell.split()) for cell in column if cell.strip()]
    return sum(filled) / len(filled) if filled else 0.0
