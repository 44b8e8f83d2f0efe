"""Options about data: where they are, and what their files do not say themselves."""

import argparse

from pipeline.data.loading import Asked
from pipeline.data.reader import Form
from pipeline.errors import UsageError
from pipeline.options import given, several


def data_option() -> argparse.ArgumentParser:
    """A parent parser with ``--data`` and the options about its files, for verbs that read data."""
    options = argparse.ArgumentParser(add_help=False, parents=[labelled_options()])
    options.add_argument(
        "--data",
        metavar="SOURCE",
        help="a .csv, .tsv, .jsonl, .json or .parquet (each also .gz); a folder with train.csv, "
        "test.csv and validation.csv, or what is there of them; or a name on the Hub, "
        "owner/name[:config]; by default AG News comes from the Hub",
    )
    return options


def labelled_options() -> argparse.ArgumentParser:
    """A parent parser with options about the files of ``--data``: columns, header, test rows."""
    options = argparse.ArgumentParser(add_help=False)
    several(
        options,
        "--text",
        "--column",
        dest="column",
        metavar="COLUMN",
        help="that holds the texts, by name or number from 1; several are joined",
    )
    options.add_argument(
        "--label", metavar="COLUMN", help="that holds the labels, by name or number from 1"
    )
    options.add_argument(
        "--test", metavar="FILE", help="with the test rows, if they are not in SOURCE"
    )
    _add_header(options)
    return options


def form_options() -> argparse.ArgumentParser:
    """A parent parser with ``--column`` and ``--header``, for verbs that read a file of texts."""
    options = argparse.ArgumentParser(add_help=False)
    several(
        options,
        "--column",
        metavar="NAME",
        help="that holds the texts, by name or number from 1; several (or NAME,NAME) are joined",
    )
    _add_header(options)
    return options


def _add_header(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether the first row of a .csv or .tsv names the columns (as its rows tell)",
    )


def asked_of(options: argparse.Namespace) -> Asked:
    """What the command line says about the data.

    Raises:
        UsageError: an option about the files of ``--data`` is used without ``--data``.
    """
    return Asked(options.data, None, form_of(options), options.label, None, options.test)


def form_of(options: argparse.Namespace) -> Form:
    """What the command line says about a file's form.

    Raises:
        UsageError: an option about the files of ``--data`` is used without ``--data``.
    """
    flags = {"label": None, "test": None} if hasattr(options, "test") else {}
    said = given(options, column=None, header=None, **flags)
    if said and getattr(options, "data", True) is None:
        named = "--text" if said[0] == "--column" else said[0]
        raise UsageError(f"{named} is about the files of --data; without it there are none")
    return Form(tuple(options.column or ()), options.header)
