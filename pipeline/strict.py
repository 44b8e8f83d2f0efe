"""Read dataclasses from JSON: every value must have the type of its field."""

import json
from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pipeline.errors import PipelineError

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""Decorate a dataclass with this, by ``pydantic.with_config``: no conversion of types, no unknown
keys, no infinity or NaN."""
T = TypeVar("T")


@cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    """The reader of a type. It is cached: making one takes as long as reading a run's record."""
    return TypeAdapter(kind)


def read(kind: type[T], content: Any) -> T:
    """Convert a JSON value into a dataclass.

    Args:
        kind: the dataclass; it and the dataclasses in it are decorated with ``STRICT``.
        content: what ``json.loads`` returned.

    Raises:
        PipelineError: a value is missing, unknown or of another type; the message says which one.
    """
    try:
        # In strict mode pydantic makes a dataclass from a JSON object, but not from a dict.
        return _reader(cast(Hashable, kind)).validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise PipelineError(f"{where}: {first['msg']}") from error
