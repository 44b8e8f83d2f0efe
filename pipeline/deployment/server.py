"""The HTTP server: uvicorn on its own socket, until a signal ends it."""

import socket
from collections.abc import Callable

import uvicorn

from pipeline.deployment.api import make_app
from pipeline.deployment.batching import BatchQueue
from pipeline.deployment.schema import MAX_TEXTS
from pipeline.deployment.served_models import ServedModels
from pipeline.errors import PipelineError, one_line
from pipeline.hardware import available_threads

QUEUE = 4_096
"""Texts that may wait at once by default: a few seconds of work for a small model."""
GRACE_S = 60
"""Seconds that started requests have to finish after a signal to stop."""
_BACKLOG = 2_048


def serve(
    models: ServedModels,
    host: str,
    port: int,
    queue_bound: int = QUEUE,
    started: Callable[[str], None] = print,
) -> None:
    """Answer requests until SIGTERM or SIGINT; started requests are finished first.

    Args:
        models: the models to serve; the recommended one is loaded before the first request.
        host: name or address to listen on.
        port: port to listen on; 0 selects a free one.
        queue_bound: most texts that may wait at once; the server refuses requests beyond them.
        started: called with the server's URL as soon as clients can connect.

    Raises:
        PipelineError: the server can't listen on the address, ``queue_bound`` is less than the
            texts that one request may have, or the recommended model can't be loaded.
    """
    if queue_bound < MAX_TEXTS:
        raise PipelineError(
            f"a queue of {queue_bound:,} texts is too short; a request may have {MAX_TEXTS:,}"
        )
    models.classifier(models.recommended)
    listening = listen(host, port)
    queue = BatchQueue(models.predict_proba, available_threads(), queue_bound, models.lengths)
    config = uvicorn.Config(
        make_app(models, queue),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
        ws="none",
    )
    started(url_of(listening))
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn raises the signal again when it has ended
        pass
    finally:
        listening.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on a host and port.

    Raises:
        PipelineError: listening there is not possible.
    """
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        raise PipelineError(
            f"can't listen on {host} port {port}: {one_line(error)}; name another --host or --port"
        ) from error


def url_of(listening: socket.socket) -> str:
    """The URL under which clients reach a listening socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
