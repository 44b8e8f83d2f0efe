"""This machine: how much of it may be used, and a description to store with measured figures."""

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
    """The first processor's entries in /proc/cpuinfo; empty if there is no such file."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    lines = path.read_text().split("\n\n")[0].splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def cpu_flags() -> list[str]:
    """The processor's instruction sets that change results or speeds of int8 and bf16."""
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
    """The result of ``describe``, and ``taken``: the time now, as an ISO date-time in UTC."""
    return {**describe(), "taken": datetime.now(UTC).isoformat(timespec="seconds")}


def has_bf16() -> bool:
    """Whether this machine can train in bf16 natively; emulated bf16 is slower than float32."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return cpu_has_bf16()


def cpu_has_bf16() -> bool:
    """Whether the processor multiplies in bf16."""
    return bool({"avx512_bf16", "amx_bf16"} & set(cpu_flags()))


def int8_bits() -> int:
    """How many bits int8 weights should have here: 7 with AVX2 but without VNNI, else 8.

    Without VNNI, sums of two int8 products saturate at 16 bits.
    """
    saturates = "avx2" in cpu_flags() and not {"avx512_vnni", "avx_vnni"} & set(cpu_flags())
    return 7 if saturates else 8


def _accelerator() -> str | None:
    """Name of the GPU that torch would use; None without a GPU or if torch is not imported."""
    import sys

    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch and torch.cuda.is_available() else None


def available_threads() -> int:
    """How many threads this process should compute with, at least 1.

    This is the smallest of three numbers: the cores that it may run on, the CPU quota of its
    containers (rounded up), and OMP_NUM_THREADS.
    """
    limits = [_cores(), _quota_threads()]
    # OMP_NUM_THREADS may list a number for each level of nested teams; the first one counts.
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if asked.isascii() and asked.isdigit():
        limits.append(int(asked))
    return max(1, min(limit for limit in limits if limit is not None))


def tell_libraries_the_quota() -> None:
    """Set OMP_NUM_THREADS if a container's CPU quota is smaller than the number of cores.

    A number that is set already stays. torch and OpenMP do not see the quota: they start a thread
    for each core, and the quota then stops all threads together. Call this before their import.
    """
    quota = _quota_threads()
    if quota is not None and quota < _cores():
        os.environ.setdefault("OMP_NUM_THREADS", str(quota))


def available_memory() -> int:
    """How many bytes of memory this process may use; 0 if the system does not say.

    This is the smaller of the limit of its containers and the machine's memory.
    """
    limits = [cgroups.memory_limit(), _installed_memory()]
    return min((limit for limit in limits if limit), default=0)


def _cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quota_threads() -> int | None:
    """How many threads use up a CPU quota, rounded up; None without a quota."""
    quota = cgroups.cpu_quota()
    return None if quota is None else max(1, math.ceil(quota))


def _installed_memory() -> int:
    """The machine's memory in bytes; 0 if the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
