"""How the words of a command line are divided among options and positional arguments."""

import argparse
import re
import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

_AN_OPTION = re.compile(r"-{1,2}[a-zA-Z][^\s]*")
_MOST_VALUES: dict[int | str | None, int] = {None: 1, "+": sys.maxsize, "*": sys.maxsize}
"""The most values of an option, by its ``nargs``; with any other ``nargs`` it has none."""


def several(options: argparse.ArgumentParser, *flags: str, least: str = "+", **more: Any) -> None:
    """Add an option with several values: ``--model A B``, ``--model A --model B``, or both.

    Args:
        options: the verb's parser.
        flags: the option's names.
        least: "+" for one value or more, "*" if there may be none.
        more: other arguments of ``add_argument``.
    """
    options.add_argument(*flags, action="extend", nargs=least, **more)


def given(options: argparse.Namespace, **flags: Any) -> list[str]:
    """The flags whose values are not their defaults, as users type them.

    Args:
        options: the parsed command line.
        flags: the default of each option, by the option's name.
    """
    return [
        f"--{name.replace('_', '-')}"
        for name, default in flags.items()
        if getattr(options, name) != default
    ]


class AnyOrder(argparse.ArgumentParser):
    """A parser that accepts positional arguments before, between and after the options.

    For a positional argument with any number of words (``nargs="*"``), argparse collects only the
    words before the second option. This parser collects all of them. It also collects all words
    after ``--``; ``after_dashes`` is the number of those.

    If positional arguments have one word each, argparse lets an option with several values use
    every word that follows. This parser leaves the positional arguments the words that they need.
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
        """Reorder the words: ``--column NAME IN OUT`` becomes ``IN OUT --column NAME``.

        This happens only if IN and OUT would be missing otherwise.
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
            # An option keeps its first value. An option with a single value has no others.
            first = max(len(group) - missing, 2) if group[0].startswith("-") else 0
            missing -= len(group[first:]) if first else 0
            words, options = group[first:] + words, group[:first] + options
        return [*words, *options, *args[end:]]

    def _groups(self, args: Sequence[str]) -> list[list[str]]:
        """Groups of words: each option with its values, and each other word alone."""
        groups: list[list[str]] = []
        while args:
            most = _MOST_VALUES.get(self._nargs(args[0]), 0)
            values = takewhile(lambda word: not word.startswith("-"), args[1 : 1 + most])
            groups.append([args[0], *values])
            args = args[len(groups[-1]) :]
        return groups

    def _nargs(self, word: str) -> int | str | None:
        """``nargs`` of the option that a word names, in full or shortened; 0 if it names none."""
        known = self._option_string_actions
        found = {known[word]} if word in known else {known[k] for k in known if k.startswith(word)}
        return found.pop().nargs if word.startswith("-") and len(found) == 1 else 0
