"""The artifact of a cascade: a file that names its members, which are artifacts of the same run.

artifacts/cascade-small/cascade.json
artifacts/nano/…                        its members, which are also deployed alone
artifacts/minilm-int8/…
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.cascade_rules import Rule
from pipeline.errors import PipelineError, one_line
from pipeline.files import sha256, write_json

FILE = "cascade.json"
_ROLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def write(
    folder: Path, members: Mapping[str, Path], rules: Sequence[Rule], labels: Sequence[str]
) -> None:
    """Write ``cascade.json``.

    Args:
        folder: the cascade's artifact folder.
        members: each member's artifact folder by role, in the order in which they are asked.
        rules: one for each member except the last.
        labels: class names.
    """
    content: list[dict[str, Any]] = [
        {"role": role, "files": {path.name: sha256(path) for path in sorted(of_it.iterdir())}}
        for role, of_it in members.items()
    ]
    for entry, rule in zip(content, rules, strict=False):
        entry |= {"threshold": rule.threshold, "temperature": rule.temperature}
    write_json(folder / FILE, {"labels": list(labels), "members": content})


def members(folder: Path, check: bool = True) -> tuple[list[str], list[Rule], list[Path]]:
    """The roles, the rules and the folders of a cascade's members.

    For any other artifact: no roles, no rules, and the artifact's own folder.

    Args:
        folder: the artifact's folder.
        check: whether to compare each member's files with their checksums.

    Raises:
        PipelineError: the file can't be read or names fewer than two members; with ``check``, also
            if a member is missing or has changed.
    """
    if not (folder / FILE).is_file():
        return [], [], [folder]
    roles, rules, folders = [], [], []
    try:
        entries = json.loads((folder / FILE).read_text("utf-8"))["members"]
        for number, entry in enumerate(entries, start=1):
            roles.append(_checked_role(entry["role"]))
            folders.append(folder.parent / roles[-1])
            if number < len(entries):
                rules.append(Rule(float(entry["threshold"]), float(entry["temperature"])))
            if check:
                _check_files(folder, roles[-1], entry["files"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PipelineError(
            f"{FILE} in {folder} can't be read: {one_line(error)}; "
            "make the cascade again with python -m pipeline run"
        ) from error
    if len(roles) < 2:
        raise PipelineError(f"{FILE} in {folder} names no two members; make the cascade again")
    return roles, rules, folders


def _checked_role(role: Any) -> str:
    """Return a role's or file's name. Raise ValueError if it could lead outside the run."""
    if not isinstance(role, str) or not _ROLE.fullmatch(role):
        raise ValueError(f"{role!r} is no role")
    return role


def _check_files(folder: Path, role: str, files: Mapping[str, str]) -> None:
    for name, digest in files.items():
        path = folder.parent / role / _checked_role(name)
        if not path.is_file():
            raise PipelineError(
                f"{folder.name} needs {role}, whose {name} is not in {path.parent}; "
                f"get it, or make it with python -m pipeline run --only {role}"
            )
        if sha256(path) != digest:
            raise PipelineError(
                f"{folder.name} was made with another {role} than the one in {path.parent}; "
                f"make it again with python -m pipeline run --only {folder.name}"
            )
