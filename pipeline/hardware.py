"""This machine: how much of it may be used, and what a figure was taken on."""

import importlib.metadata
import math
import os
import platform
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pipeline import cgroups

_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
_PACKAGES = ("torch", "transformers", "onnxruntime", "tokenizers", "numpy")


@cache
def _cpuinfo() -> dict[str, str]:
    """First processor's entries of /proc/cpuinfo; empty where there is none."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    lines = path.read_text().split("\n\n")[0].splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def cpu_flags() -> list[str]:
    """The instruction sets that int8 and bf16 results and speeds depend on."""
    present = _cpuinfo().get("flags", "").split()
    return [flag for flag in _FLAGS if flag in present]


def describe() -> dict:
    """Hardware and versions, for ``run.json``."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "hardware": {
            "processor": _cpuinfo().get("model name") or platform.processor(),
            "machine": platform.machine(),
            "cpu_flags": cpu_flags(),
            "cores": os.cpu_count(),
            "memory_gb": round(_installed_memory() / 1e9, 1),
            "accelerator": _accelerator(),
        },
        "versions": {"python": platform.python_version(), **versions},
    }


def conditions() -> dict:
    """``describe``, and ``taken``: when that was, as an ISO date-time in UTC."""
    return {**describe(), "taken": datetime.now(UTC).isoformat(timespec="seconds")}


def has_bf16() -> bool:
    """Whether training in bf16 is native here; where it is emulated it is slower than float32."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return cpu_has_bf16()


def cpu_has_bf16() -> bool:
    """Whether the processor multiplies in bf16."""
    return bool({"avx512_bf16", "amx_bf16"} & set(cpu_flags()))


def int8_bits() -> int:
    """Bits that int8 weights are to have here: 7 on x86 without VNNI, else 8.

    Without VNNI sums of two int8 products are cut off at 16 bits.
    """
    saturates = "avx2" in cpu_flags() and not {"avx512_vnni", "avx_vnni"} & set(cpu_flags())
    return 7 if saturates else 8


def _accelerator() -> str | None:
    """Name of the GPU that torch would use; None without one, and in a process without torch."""
    import sys

    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch and torch.cuda.is_available() else None


def available_threads() -> int:
    """How many threads this process is to compute with.

    The least of the cores that it may run on, of its containers' CPU quotas (rounded up) and of
    OMP_NUM_THREADS; 1 or more.
    """
    limits = [_cores(), _quota_threads()]
    # One number for each level of nested teams; the first one counts.
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if asked.isascii() and asked.isdigit():
        limits.append(int(asked))
    return max(1, min(limit for limit in limits if limit is not None))


def tell_libraries_the_quota() -> None:
    """Set OMP_NUM_THREADS where a container's quota is the least limit, which libraries don't see.

    torch and OpenMP count the cores that the process may run on, and a quota stops all of their
    threads together. To be called before they are imported.
    """
    quota = _quota_threads()
    if quota is not None and quota < _cores():
        os.environ.setdefault("OMP_NUM_THREADS", str(quota))


def available_memory() -> int:
    """Bytes that this process may take: its containers' least limit, or the machine's memory.

    0 where the system does not say.
    """
    limits = [cgroups.memory_limit(), _installed_memory()]
    return min((limit for limit in limits if limit), default=0)


def _cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quota_threads() -> int | None:
    """As many threads as use up a CPU quota; None without one."""
    quota = cgroups.cpu_quota()
    return None if quota is None else max(1, math.ceil(quota))


def _installed_memory() -> int:
    """The machine's memory in bytes; 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
