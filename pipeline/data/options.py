"""What a command line says of data: where they are, and what their files do not say themselves."""

import argparse

from pipeline.data.loading import Asked
from pipeline.data.reader import Form
from pipeline.errors import UsageError
from pipeline.options import given, several


def data_option() -> argparse.ArgumentParser:
    """``--data`` and what is said of its files, of the verbs that read a data set."""
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
    """What is said of the files of ``--data``: columns, header, and where the test rows are."""
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
    """``--column`` and ``--header``, of verbs that read a file: what it does not say itself."""
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
    """What the command line says of the data.

    Raises:
        UsageError: it is said of the files of ``--data``, and there is no ``--data``.
    """
    return Asked(options.data, None, form_of(options), options.label, None, options.test)


def form_of(options: argparse.Namespace) -> Form:
    """What the command line says of a file.

    Raises:
        UsageError: it is said of the files of ``--data``, and there is no ``--data``.
    """
    flags = {"label": None, "test": None} if hasattr(options, "test") else {}
    said = given(options, column=None, header=None, **flags)
    if said and getattr(options, "data", True) is None:
        named = "--text" if said[0] == "--column" else said[0]
        raise UsageError(f"{named} is about the files of --data; without it there are none")
    return Form(tuple(options.column or ()), options.header)
