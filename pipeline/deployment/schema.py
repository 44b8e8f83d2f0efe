"""Requests and answers of the server's API, its limits, and sentences on requests beyond them.

The format is that of ``huggingface_hub.InferenceClient(url).text_classification`` and
huggingface.js. A request is ``{"inputs": …, "parameters": {"top_k": …}}``. The answer is a list of
``{"label", "score"}`` for each text, the most probable class first. Every error is
``{"error": "…"}``.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from pipeline.errors import PipelineError
from pipeline.inference.graph import MAX_CHARACTERS

MAX_TEXTS = 1_000
"""Texts in one request, at most."""
MAX_BODY_MB = 4
"""Size of one request's body in MB of 10^6 bytes, at most."""
TOO_LARGE = f"the request has more than {MAX_BODY_MB} MB; send less at once"


class Parameters(BaseModel):
    """How to answer."""

    model_config = ConfigDict(extra="forbid")
    top_k: Annotated[int, Field(strict=True, ge=1)] | None = Field(
        default=None, description="number of classes in an answer; by default all"
    )
    function_to_apply: Literal["softmax"] | None = Field(
        default=None, description="probabilities are softmax's; there are no others"
    )


class Question(BaseModel):
    """What to classify."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"inputs": "Striker leaves the club", "parameters": {"top_k": 2}}]
        },
    )
    inputs: str | list[str] = Field(description="a text, or a list of texts")
    parameters: Parameters = Field(default_factory=Parameters)
    options: dict[str, Any] | None = Field(
        default=None, description="of Hugging Face's hosted service; without effect here"
    )


class Score(TypedDict):
    """A class and its probability."""

    label: str
    score: float


class Model(BaseModel):
    """A model that the server offers."""

    role: str
    run: str
    title: str
    labels: list[str]
    size_mb: float = Field(description="10^6 bytes of the ONNX graph")
    accuracy: float = Field(description="on the run's test rows, 0..1")
    recommended: bool = Field(description="whether POST / asks it")


class Health(BaseModel):
    """The server is running."""

    status: Literal["ok"]
    waiting: int = Field(description="texts in the queue")
    bound: int = Field(description="texts that find room in the queue")


class Problem(BaseModel):
    """Why there is no answer."""

    error: str


def check_texts(inputs: str | list[str]) -> list[str]:
    """Return the texts of a request as a list, after checking that they can be classified.

    Raises:
        PipelineError: there is no text or too many, or one is blank or too long. The message is a
            sentence on the first fault.
    """
    texts = [inputs] if isinstance(inputs, str) else inputs
    if not texts:
        raise PipelineError("inputs is an empty list; give it a text")
    if len(texts) > MAX_TEXTS:
        raise PipelineError(
            f"inputs has {len(texts):,} texts; send at most {MAX_TEXTS:,} in one request"
        )
    for place, text in enumerate(texts):
        name = "inputs" if isinstance(inputs, str) else f"inputs[{place}]"
        if not text.strip():
            raise PipelineError(f"{name} is blank; leave it out")
        if len(text) > MAX_CHARACTERS:
            raise PipelineError(
                f"{name} has {len(text):,} characters; cut it to {MAX_CHARACTERS:,} or fewer",
            )
    return texts


def scores(
    probabilities: np.ndarray, labels: Sequence[str], top_k: int | None = None
) -> list[list[Score]]:
    """For each row of probabilities (n, k), the ``top_k`` most probable classes, or all."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top_k]
    return [
        [Score(label=labels[place], score=float(row[place])) for place in places]
        for row, places in zip(probabilities, order, strict=True)
    ]


def sentence_of(error: dict[str, Any]) -> str:
    """A sentence on what is wrong with a request, from one of pydantic's errors."""
    kind, place = error["type"], [str(part) for part in error["loc"][1:]]
    if kind == "json_invalid":
        return f"the body is no JSON: {error['ctx']['error']} at character {error['loc'][-1]}"
    if not place:
        return 'send {"inputs": "…"} as JSON, with the header Content-Type: application/json'
    if kind == "extra_forbidden":
        takes = Parameters if place[0] == "parameters" else Question
        return f"{'.'.join(place)} is not known; there are {', '.join(takes.model_fields)}"
    match place:
        case ["parameters", "top_k", *_]:
            return "top_k is a whole number from 1 on"
        case ["parameters", "function_to_apply", *_]:
            return "function_to_apply is softmax; the scores are probabilities"
        case ["inputs", *_]:
            return "inputs is a text or a list of texts"
        case _:
            return f"{place[0]} is an object"
