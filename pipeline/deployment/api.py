"""Hugging Face's text-classification API over a run's models, as an ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.deployment.batching import BatchQueue, QueueFullError
from pipeline.deployment.schema import (
    MAX_BODY_MB,
    TOO_LARGE,
    Health,
    Model,
    Problem,
    Question,
    Score,
    check_texts,
    scores,
    sentence_of,
)
from pipeline.deployment.served_models import ServedModels
from pipeline.errors import PipelineError

PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "the body can't be read"},
    413: {"model": Problem, "description": f"the body has more than {MAX_BODY_MB} MB"},
    422: {"model": Problem, "description": "the request can't be understood, or is over a limit"},
    500: {"model": Problem, "description": "the model can't be loaded, or failed"},
    503: {"model": Problem, "description": "the queue is full; Retry-After says when to try again"},
}


def make_app(models: ServedModels, queue: BatchQueue) -> FastAPI:
    """The API as an ASGI application, which closes the queue when it shuts down."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(queue.close)

    app = FastAPIOffline(
        redoc_url=None,
        title=f"Text classifiers of the run {models.run.name}",
        version="1",
        description=(
            "The text-classification API of Hugging Face. "
            f"POST / asks {models.recommended}, the recommended model."
        ),
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.add_middleware(_LengthCheck)
    _answer_errors_as_json(app)
    app.include_router(_routes(models, queue))
    return app


def _routes(models: ServedModels, queue: BatchQueue) -> APIRouter:
    """The routes of the application."""
    router = APIRouter(max_body_size=MAX_BODY_MB * 10**6)

    async def ask(role: str, question: Question) -> list[list[Score]]:
        try:
            texts = check_texts(question.inputs)
        except PipelineError as error:
            raise HTTPException(422, str(error)) from error
        probabilities = await asyncio.wrap_future(queue.submit(role, texts))
        return scores(probabilities, models.run.labels, question.parameters.top_k)

    @router.post("/", responses=PROBLEMS, summary="Ask the recommended model")
    async def ask_recommended(question: Question) -> list[list[Score]]:
        return await ask(models.recommended, question)

    @router.post(
        "/models/{role}",
        responses=PROBLEMS | {404: {"model": Problem, "description": "no such model"}},
        summary="Ask one model",
    )
    async def ask_one(role: str, question: Question) -> list[list[Score]]:
        if role not in models.folders:
            there = ", ".join(models.folders)
            raise HTTPException(404, f"there is no model {role!r} here; there are {there}")
        return await ask(role, question)

    @router.get("/models", summary="The models")
    async def list_models() -> list[Model]:
        return described(models)

    @router.get("/health", summary="Whether the server is at work")
    async def health() -> Health:
        return Health(status="ok", waiting=queue.waiting, bound=queue.bound)

    return router


def described(models: ServedModels) -> list[Model]:
    """The models as ``GET /models`` lists them."""
    records = models.run.by_role
    return [
        Model(
            role=role,
            run=models.run.name,
            title=records[role].title,
            labels=models.run.labels,
            size_mb=records[role].size_bytes / 1e6,
            accuracy=records[role].metrics.accuracy,
            recommended=role == models.recommended,
        )
        for role in models.folders
    ]


class _LengthCheck:
    """Refuses a request whose Content-Length is too large, before its body is read.

    FastAPI does so, too, but answers in plain text. FastAPI counts the bytes of bodies without
    that header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if length.isdecimal() and int(length) > MAX_BODY_MB * 10**6:
            await JSONResponse({"error": TOO_LARGE}, 413)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _answer_errors_as_json(app: FastAPI) -> None:
    """Make the application answer every error with ``{"error": sentence}``."""

    @app.exception_handler(AnyHTTPException)
    async def refused(request: Request, error: AnyHTTPException) -> JSONResponse:
        told = {
            "Not Found": "there is no such address; GET /docs shows those that there are",
            "Method Not Allowed": f"{request.method} is not for this address; see GET /docs",
            "Content Too Large": TOO_LARGE,
            "There was an error parsing the body": "the body is no JSON that can be read",
        }
        sentence = told.get(error.detail, error.detail)
        return JSONResponse({"error": sentence}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def not_understood(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"error": sentence_of(error.errors()[0])}, 422)

    @app.exception_handler(QueueFullError)
    async def full(_: Request, error: QueueFullError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 503, {"Retry-After": str(error.retry_after)})

    @app.exception_handler(PipelineError)
    async def broken(_: Request, error: PipelineError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 500)

    @app.exception_handler(Exception)  # its traceback goes to the server's log
    async def failed(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": "the model failed; the server's log says how"}, 500)
