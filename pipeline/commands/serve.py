"""Serve models over HTTP."""

import argparse

from pipeline.commands.common import Verbs, cache_option, named_runs
from pipeline.options import several


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "serve",
        parents=[cache_option()],
        help="serve models over HTTP, by Hugging Face's text-classification API",
    )
    options.set_defaults(act=serve_models)
    options.add_argument(
        "--run",
        metavar="NAME",
        help="of which run (the first that has them, AG News's before others)",
    )
    several(options, "--model", metavar="ROLE", help="only these models")
    options.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines in (%(default)s)",
    )
    options.add_argument(
        "--port", type=int, default=8000, help="0 takes a free one, which is printed (%(default)s)"
    )
    options.add_argument(
        "--queue",
        type=int,
        default=4096,
        metavar="N",
        help="texts that may wait; a request beyond them is told to come later (%(default)s)",
    )


def serve_models(options: argparse.Namespace) -> int:
    """Serve models until a signal stops the server."""
    from pipeline.deployment import served_models, server

    models = served_models.choose(named_runs(options.cache, options.run), options.model)

    def started(url: str) -> None:
        print(f"{models.run.name}: {', '.join(models.folders)}")
        print(f"POST {url}/ asks {models.recommended}; {url}/docs shows all", flush=True)

    server.serve(models, options.host, options.port, options.queue, started)
    return 0
