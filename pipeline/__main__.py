"""python -m pipeline VERB: the command line; its verbs are in ``pipeline.commands``."""

import argparse
import contextlib
import errno
import os
import signal
import sys
from collections.abc import Sequence

from pipeline.commands import (
    bench,
    classify,
    predict,
    recommend,
    report,
    run,
    serve,
    status,
    verify,
)
from pipeline.commands.common import FAILED, INTERRUPTED
from pipeline.errors import PipelineError, one_line


def parser() -> argparse.ArgumentParser:
    """The command line."""
    main = argparse.ArgumentParser(
        prog="python -m pipeline",
        description="Fine-tune, distil, quantize, measure and serve news classifiers on AG News.",
    )
    verbs = main.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in (run, status, predict, classify, serve, verify, recommend, report, bench):
        verb.add(verbs)
    return main


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; every failure that people can mend is one line and a non-zero exit."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    # Threads that spin while they wait take the cores from whatever else runs: two trainings side
    # by side on two cores were 30 times slower each. Read when torch is imported, which is later.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    options = parser().parse_args(arguments)
    with contextlib.suppress(ValueError):  # only the main thread may set it
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    again = "the same command goes on where it stopped"
    try:
        return options.act(options)
    except PipelineError as error:
        message = str(error)
    except KeyboardInterrupt:
        print(f"\nstopped; nothing is lost, {again}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        # torch, safetensors and pyarrow wrap a full disk each in an error of their own.
        full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
        if full:
            message = f"no space left on the disk; free some, then {again}"
        elif isinstance(error, OSError):
            message = f"{one_line(error)}; see to it, then {again}"
        else:
            raise
    print(f"error: {message}", file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
