"""Files that users upload to a page: read like any other file, but with a limit on their size."""

from pipeline.data import reader, sources
from pipeline.data.reader import AS_IT_IS, Form, TextFile

# The same as maxUploadSize in .streamlit/config.toml, which refuses larger files beforehand.
MAX_BYTES = 10 * 1024 * 1024
REFUSED_KINDS = (".xlsx", ".xls", ".ods", ".zip")
"""Endings that the uploader accepts, so that the reader refuses the file and says what to do."""


def open_upload(name: str, content: bytes, form: Form = AS_IT_IS) -> TextFile:
    """Find out where an uploaded file's texts are.

    Args:
        name: the file's name.
        content: its bytes, not checked yet.
        form: what the user says about it.

    Raises:
        PipelineError: it can't be read; the message is one line.
    """
    return reader.open_texts(sources.from_bytes(name, content, MAX_BYTES), form, MAX_BYTES)


def endings() -> list[str]:
    """The endings that Streamlit's uploader should accept."""
    return [*sources.KINDS, *sources.OTHER_NAMES, ".gz", *REFUSED_KINDS]


def cut_remark(max_rows: int, nouns: str) -> str:
    """A remark that only the first ``max_rows`` texts are classified."""
    return (
        f"Only the first {max_rows:,} {nouns} are classified here; "
        "`python -m pipeline classify` takes a file of any length."
    )
