"""What a container may use: the limits of this process's control groups, versions 1 and 2."""

from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")
_PERIOD_US = 100_000


def cpu_quota(root: Path = _ROOT) -> float | None:
    """How many cores' time this process may use, such as 1.5; None without a quota.

    Args:
        root: the folder that contains ``proc`` and the mount points.
    """
    quotas = []
    for folder in _folders("cpu", root):
        if found := _words(folder / "cpu.max"):  # version 2: quota or "max", then the period
            quota, period = found[0], found[1] if len(found) > 1 else str(_PERIOD_US)
        else:
            quota = " ".join(_words(folder / "cpu.cfs_quota_us"))  # -1 without a quota
            period = " ".join(_words(folder / "cpu.cfs_period_us"))
        if quota.isdigit() and period.isdigit() and int(period):
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit(root: Path = _ROOT) -> int | None:
    """How many bytes of memory this process's groups may use; None without a limit.

    Without a limit, version 1 writes a number larger than any memory: callers must also compare
    with the installed memory.

    Args:
        root: as for ``cpu_quota``.
    """
    files = ("memory.max", "memory.high", "memory.limit_in_bytes")
    found = [_words(folder / file) for folder in _folders("memory", root) for file in files]
    return min((int(words[0]) for words in found if words and words[0].isdigit()), default=None)


def _folders(controller: str, root: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups and of their parents, which limit it too."""
    groups = {}
    for line in _lines(root / "proc/self/cgroup"):
        number, _, named = line.partition(":")
        controllers, _, path = named.partition(":")
        # Version 2 has one hierarchy, number 0, for all controllers.
        for name in [""] if number == "0" else controllers.split(","):
            groups[name] = path
    for mounted, mount_point, name in _mounts(controller, root):
        if name not in groups:
            continue
        # A container may see only its own group's folder, mounted in place of the whole tree.
        group, top = Path(groups[name]), Path(mounted)
        inside = group.is_relative_to(top) and ".." not in group.parts
        below = group.relative_to(top) if inside else Path()
        base = root / mount_point.lstrip("/")
        for folder in (below, *below.parents):
            yield base / folder


def _mounts(controller: str, root: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the mounted trees of groups that have this controller.

    Each one has its root within the tree, its mount point, and its name in ``/proc/self/cgroup``.
    """
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        place, kind = before.split(" "), after.split(" ")
        if len(place) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            yield place[3], place[4], ""
        elif kind[0] == "cgroup" and controller in kind[2].split(","):
            yield place[3], place[4], controller


def _words(path: Path) -> list[str]:
    """The words in a limit's file."""
    return " ".join(_lines(path)).split()


def _lines(path: Path) -> list[str]:
    """A file's lines; empty if it is missing or unreadable, as on systems other than Linux."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
