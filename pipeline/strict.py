"""From the JSON of a file to a dataclass: every value must be of its field's type."""

import json
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pipeline.errors import PipelineError

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""Decorates a dataclass, by ``pydantic.with_config``: text is no number, and no key is unknown."""
T = TypeVar("T")


def read(kind: type[T], content: Any) -> T:
    """The dataclass that a JSON value holds.

    Args:
        kind: decorated with ``STRICT``, as are the dataclasses in it.
        content: what ``json.loads`` gave.

    Raises:
        PipelineError: a value is missing, unknown or of another type; the message says which one.
    """
    try:
        # Only of JSON, a strict dataclass may be an object.
        return TypeAdapter(kind).validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise PipelineError(f"{where}: {first['msg']}") from error
