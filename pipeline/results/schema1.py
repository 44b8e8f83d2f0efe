"""A ``run.json`` of schema 1, as this program wrote it once, in the form of schema 2.

Nothing is written: a run is of schema 1 until a model or a table is added to it.
"""

from dataclasses import fields
from typing import Any

from pipeline.results.figures import MeasuredOn

_COSTS = {"headlines_per_second": "rows_per_second"}
"""What is called otherwise now."""


def lifted(content: dict[str, Any]) -> dict[str, Any]:
    """The content of schema 2 that says the same; what is out of place stays so.

    Args:
        content: of a ``run.json`` of schema 1; it is not changed.

    Raises:
        TypeError, KeyError, AttributeError: it is not what this program wrote.
    """
    kinds = [field.name for field in fields(MeasuredOn)]  # one account was of all of them
    models = []
    for model in content["models"]:
        cost = {_COSTS.get(name, name): figure for name, figure in model["cost"].items()}
        measured_on = dict.fromkeys(kinds, model["measured_on"])
        models.append(model | {"cost": cost, "measured_on": measured_on})
    # All data sets of that time were AG News and the invented headlines.
    return content | {"models": models, "data": content["data"] | {"title_first": True}}
