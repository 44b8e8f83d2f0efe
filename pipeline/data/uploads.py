"""What people upload to a page: read like any other file, but not without bounds."""

from pipeline.data import reader, sources
from pipeline.data.reader import AS_IT_IS, Form, TextFile

# The same as maxUploadSize in .streamlit/config.toml, which refuses larger files beforehand.
MAX_BYTES = 10 * 1024 * 1024
REFUSED_KINDS = (".xlsx", ".xls", ".ods", ".zip")
"""Endings that an upload may have although it is refused: by the reader, which says what to do."""


def open_upload(name: str, content: bytes, form: Form = AS_IT_IS) -> TextFile:
    """Find out where an uploaded file's texts are.

    Args:
        name: the file's.
        content: its bytes, which nobody has checked.
        form: what is known of it.

    Raises:
        PipelineError: it can't be read; the message is one line.
    """
    return reader.open_texts(sources.from_bytes(name, content, MAX_BYTES), form, MAX_BYTES)


def endings() -> list[str]:
    """Endings of the files that can be chosen, as Streamlit's uploader takes them."""
    return [*sources.KINDS, *sources.OTHER_NAMES, ".gz", *REFUSED_KINDS]


def cut_remark(max_rows: int, nouns: str) -> str:
    """A remark that only the first so many texts are classified."""
    return (
        f"Only the first {max_rows:,} {nouns} are classified here; "
        "`python -m pipeline classify` takes a file of any length."
    )
