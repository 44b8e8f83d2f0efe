"""Conversion of a ``run.json`` of schema 1, which older versions wrote, to schema 2.

Nothing is written: a run keeps schema 1 until a model or a table is added to it.
"""

from dataclasses import fields
from typing import Any

from pipeline.results.figures import MeasuredOn

_COSTS = {"headlines_per_second": "rows_per_second"}
"""Old name → new name of the costs that were renamed."""


def lifted(content: dict[str, Any]) -> dict[str, Any]:
    """The same content in schema 2; fields that are invalid are not repaired.

    Args:
        content: of a ``run.json`` of schema 1; it is not changed.

    Raises:
        TypeError, KeyError, AttributeError: the content is not what older versions wrote.
    """
    kinds = [field.name for field in fields(MeasuredOn)]  # schema 1 has one entry for all kinds
    models = []
    for model in content["models"]:
        cost = {_COSTS.get(name, name): figure for name, figure in model["cost"].items()}
        measured_on = dict.fromkeys(kinds, model["measured_on"])
        models.append(model | {"cost": cost, "measured_on": measured_on})
    # The only data sets of that time, AG News and the invented headlines, begin with the title.
    return content | {"models": models, "data": content["data"] | {"title_first": True}}
