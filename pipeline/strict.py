"""From the JSON of a file to a dataclass: every value must be of its field's type."""

import json
from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pipeline.errors import PipelineError

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""Decorates a dataclass, by ``pydantic.with_config``: text is no number, and no key is unknown."""
T = TypeVar("T")


@cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    """Made once: for a run's record that takes as long as to read one."""
    return TypeAdapter(kind)


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
        return _reader(cast(Hashable, kind)).validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise PipelineError(f"{where}: {first['msg']}") from error
