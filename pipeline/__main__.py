"""The command line, ``python -m pipeline VERB``; the verbs are in ``pipeline.commands``."""

import argparse
import contextlib
import errno
import os
import signal
import sys
from collections.abc import Sequence

from pipeline import console, hardware
from pipeline.errors import FAILED, INTERRUPTED, USAGE, PipelineError, UsageError, one_line

_GO_ON = ("run", "add", "classify")
"""Verbs that continue where they stopped if the same command runs again."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, with all verbs."""
    # Imported here and not above, so that ``_act`` handles ctrl-C during the imports.
    from pipeline.commands import (
        add,
        bench,
        classify,
        export,
        predict,
        recommend,
        remove,
        report,
        run,
        serve,
        status,
        verify,
    )
    from pipeline.options import AnyOrder

    main = argparse.ArgumentParser(
        prog="python -m pipeline",
        description="Fine-tune, distil, quantize, measure and serve news classifiers on AG News.",
    )
    verbs = main.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=AnyOrder)
    making = (run, add, remove)
    showing = (status, predict, classify, verify, recommend, report, export, serve, bench)
    for verb in making + showing:
        verb.add(verbs)
    return main


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Every failure that a user can fix prints one line and returns a non-zero code.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    # Threads that spin while they wait take the cores from other processes: two trainings side by
    # side on two cores were 30 times slower each. torch reads the variable when it is imported,
    # which happens later.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    hardware.tell_libraries_the_quota()
    console.write_any_character()
    with contextlib.suppress(ValueError):  # only the main thread may set it
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _act(arguments)
    except BrokenPipeError:  # the reader of standard output or standard error is gone
        return FAILED
    finally:
        console.let_go()


def _act(arguments: list[str]) -> int:
    """Run the command, print what went wrong, and return the exit code."""
    verb, again = None, "try again"
    try:
        options = parser().parse_args(arguments)
        verb = options.verb
        if verb in _GO_ON:
            again = "the same command goes on where it stopped"
        code = options.act(options)
        sys.stdout.flush()
        return code
    except UsageError as error:
        print(f"error: {error} (python -m pipeline {verb} --help)", file=sys.stderr)
        return USAGE
    except PipelineError as error:
        message = str(error)
    except KeyboardInterrupt:
        said = f"stopped; nothing is lost, {again}" if verb in _GO_ON else "stopped"
        print(f"\n{said}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        # torch, safetensors and pyarrow each report a full disk with their own kind of error.
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
