"""How the words of the command line are shared out among options and positional arguments."""

import argparse
import re
import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

_AN_OPTION = re.compile(r"-{1,2}[a-zA-Z][^\s]*")
_MOST_VALUES: dict[int | str | None, int] = {None: 1, "+": sys.maxsize, "*": sys.maxsize}
"""By ``nargs`` of an option, how many values it takes; those that are not here take none."""


def several(options: argparse.ArgumentParser, *flags: str, least: str = "+", **more: Any) -> None:
    """Add an option of several values: ``--model A B``, ``--model A --model B``, or both.

    Args:
        options: of a verb.
        flags: the option's names.
        least: "+" for one value or more, "*" where there may be none.
        more: what ``add_argument`` takes beside these.
    """
    options.add_argument(*flags, action="extend", nargs=least, **more)


def given(options: argparse.Namespace, **flags: Any) -> list[str]:
    """The flags that were given, as they are typed.

    Args:
        options: of the command line.
        flags: by name of the option, its default.
    """
    return [
        f"--{name.replace('_', '-')}"
        for name, default in flags.items()
        if getattr(options, name) != default
    ]


class AnyOrder(argparse.ArgumentParser):
    """Takes positional arguments before, between and after the options.

    Where a positional argument takes any number of words (``nargs="*"``), argparse takes those
    before the second option alone; here it takes all, and all that follow ``--``, whose number is
    ``after_dashes``. Where positional arguments take one word each, an option of several values
    leaves them the words that they need; argparse lets it have every word that follows.
    """

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        words = next((a.dest for a in self._get_positional_actions() if a.nargs == "*"), None)
        args = list(sys.argv[1:] if args is None else args)
        if words is None:
            return super().parse_known_args(self._with_room(args), namespace)
        end = args.index("--") if "--" in args else len(args)
        options, left = super().parse_known_args(args[:end], namespace)
        unknown = [word for word in left if _AN_OPTION.fullmatch(word)]
        more = [word for word in left if word not in unknown]
        setattr(options, words, [*getattr(options, words), *more, *args[end + 1 :]])
        options.after_dashes = len(args[end + 1 :])
        return options, unknown

    def _with_room(self, args: list[str]) -> list[str]:
        """The same words, ``--column NAME IN OUT`` as ``IN OUT --column NAME``.

        That is done only where IN and OUT are missing otherwise.
        """
        end = args.index("--") if "--" in args else len(args)
        groups = self._groups(args[:end])
        missing = sum(action.nargs is None for action in self._get_positional_actions())
        missing -= len(args[end + 1 :]) + sum(not group[0].startswith("-") for group in groups)
        if missing <= 0:
            return args
        words: list[str] = []
        options: list[str] = []
        for group in reversed(groups):
            # An option keeps its first value; one of a single value has no other.
            first = max(len(group) - missing, 2) if group[0].startswith("-") else 0
            missing -= len(group[first:]) if first else 0
            words, options = group[first:] + words, group[:first] + options
        return [*words, *options, *args[end:]]

    def _groups(self, args: Sequence[str]) -> list[list[str]]:
        """Each option with the values that it can take, and each other word by itself."""
        groups: list[list[str]] = []
        while args:
            most = _MOST_VALUES.get(self._nargs(args[0]), 0)
            values = takewhile(lambda word: not word.startswith("-"), args[1 : 1 + most])
            groups.append([args[0], *values])
            args = args[len(groups[-1]) :]
        return groups

    def _nargs(self, word: str) -> int | str | None:
        """``nargs`` of the option that a word names, be it shortened; 0 where it names none."""
        known = self._option_string_actions
        found = {known[word]} if word in known else {known[k] for k in known if k.startswith(word)}
        return found.pop().nargs if word.startswith("-") and len(found) == 1 else 0
