"""What a figure was taken on: processor, memory, threads and versions."""

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

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
            "memory_gb": round(_memory_bytes() / 1e9, 1),
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


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
