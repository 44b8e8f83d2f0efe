"""How many cores and how much memory may be used, and what processors mean for int8 and bf16."""

import os

import pytest
import torch

from pipeline import cgroups, hardware
from pipeline.inference import loaded_models


@pytest.mark.parametrize(
    ("flags", "bits"),
    [
        (["avx2"], 7),
        (["avx2", "avx512f"], 7),
        (["avx2", "avx512f", "avx512_vnni"], 8),
        (["avx2", "avx_vnni"], 8),
        ([], 8),  # no x86
    ],
)
def test_weights_have_seven_bits_where_sums_saturate(flags, bits, monkeypatch):
    monkeypatch.setattr(hardware, "cpu_flags", lambda: flags)
    assert hardware.int8_bits() == bits


@pytest.mark.parametrize("native", [True, False])
def test_bf16_that_a_gpu_emulates_does_not_count(native, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        torch.cuda,
        "is_bf16_supported",
        lambda including_emulation=True: native or including_emulation,
    )
    monkeypatch.setattr(hardware, "cpu_flags", lambda: ["avx512_bf16"])  # the GPU trains
    assert hardware.has_bf16() == native


@pytest.mark.parametrize(("flags", "has"), [(["avx512_bf16"], True), (["avx512f"], False)])
def test_bf16_of_a_processor(flags, has, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(hardware, "cpu_flags", lambda: flags)
    assert hardware.has_bf16() == has


V2 = "30 1 0:1 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1_CPU = "31 1 0:2 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
V1_MEMORY = "32 1 0:3 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
DOCKER_CPU = (
    "33 1 0:2 /docker/ab /sys/fs/cgroup/cpu,cpuacct ro master:1 - cgroup cpu rw,cpu,cpuacct"
)
DOCKER_MEMORY = "34 1 0:3 /docker/ab /sys/fs/cgroup/memory ro master:2 - cgroup memory rw,memory"
MB = 10**6
CONTAINERS = {  # groups, mounts, files, quota in cores, limit in bytes
    "no groups at all": ("", "", {}, None, None),
    "version 2, in a namespace of its own": (
        "0::/",
        V2,
        {"cpu.max": "200000 100000", "memory.max": f"{512 * MB}"},
        *(2, 512 * MB),
    ),
    "version 2 without limits": (
        "0::/",
        V2,
        {"cpu.max": "max 100000", "memory.max": "max"},
        *2 * [None],
    ),
    "version 2, the least of a group's and its parents'": (
        "0::/user.slice/job.scope",
        V2,
        {
            "user.slice/job.scope/cpu.max": "max 100000",
            "user.slice/job.scope/memory.max": f"{900 * MB}",
            "user.slice/job.scope/memory.high": f"{800 * MB}",
            "user.slice/cpu.max": "150000 100000",
            "user.slice/memory.max": f"{2000 * MB}",
        },
        *(1.5, 800 * MB),
    ),
    "version 2, its own folder mounted as the tree": (
        "0::/docker/ab",
        V2.replace("0:1 /", "0:1 /docker/ab"),
        {"cpu.max": "50000 100000"},
        *(0.5, None),
    ),
    "version 2, started above its namespace": (
        "0::/../ab",
        V2,
        {"cpu.max": "100000 100000"},
        1,
        None,
    ),
    "version 1": (
        "4:cpu,cpuacct:/job\n3:memory:/job\n1:name=systemd:/job",
        f"{V1_CPU}\n{V1_MEMORY}",
        {
            "cpu,cpuacct/job/cpu.cfs_quota_us": "300000",
            "cpu,cpuacct/job/cpu.cfs_period_us": "100000",
            "memory/job/memory.limit_in_bytes": f"{700 * MB}",
        },
        *(3, 700 * MB),
    ),
    "version 1 without limits": (
        "4:cpu,cpuacct:/\n3:memory:/",
        f"{V1_CPU}\n{V1_MEMORY}",
        {
            "cpu,cpuacct/cpu.cfs_quota_us": "-1",
            "cpu,cpuacct/cpu.cfs_period_us": "100000",
            "memory/memory.limit_in_bytes": "9223372036854771712",
        },
        *(None, 9223372036854771712),
    ),
    "version 1 in a container, beside an empty tree of version 2": (
        "4:cpu,cpuacct:/docker/ab\n3:memory:/docker/ab\n0::/docker/ab",
        f"{DOCKER_CPU}\n{DOCKER_MEMORY}\n{V2.replace('cgroup rw', 'cgroup/unified rw', 1)}",
        {
            "cpu,cpuacct/cpu.cfs_quota_us": "250000",
            "cpu,cpuacct/cpu.cfs_period_us": "100000",
            "memory/memory.limit_in_bytes": f"{600 * MB}",
        },
        *(2.5, 600 * MB),
    ),
    "lines of another kind": (
        "0::/",
        "short\n" + V2,
        {"cpu.max": "", "memory.max": "?"},
        None,
        None,
    ),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_limits_of_containers(name, tmp_path):
    groups, mounts, files, quota, limit = CONTAINERS[name]
    told = {"proc/self/cgroup": groups, "proc/self/mountinfo": mounts}
    told |= {f"sys/fs/cgroup/{path}": content for path, content in files.items()}
    for path, content in told.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content + "\n")
    assert cgroups.cpu_quota(tmp_path) == quota
    assert cgroups.memory_limit(tmp_path) == limit


@pytest.mark.parametrize(
    ("cores", "quota", "variable", "threads"),
    [
        (8, None, None, 8),
        (8, 2.0, None, 2),
        (8, 1.5, None, 2),  # one would leave a third of it idle
        (8, 0.25, None, 1),
        (2, 4.0, None, 2),
        (8, 4.0, "3", 3),
        (8, 4.0, "6", 4),
        (8, None, "2,4", 2),
        (8, None, "many", 8),
        (8, None, "", 8),
        (8, None, "0", 1),
    ],
)
def test_threads_are_the_least_that_anything_allows(cores, quota, variable, threads, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(cgroups, "cpu_quota", lambda: quota)
    if variable is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert hardware.available_threads() == threads


@pytest.mark.parametrize(
    ("quota", "before", "after"),
    [(2.0, None, "2"), (16.0, None, None), (None, None, None), (2.0, "7", "7")],
)
def test_libraries_are_told_a_quota_that_they_do_not_see(quota, before, after, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cgroups, "cpu_quota", lambda: quota)
    monkeypatch.setattr(os, "environ", {"OMP_NUM_THREADS": before} if before else {})
    hardware.tell_libraries_the_quota()
    assert os.environ.get("OMP_NUM_THREADS") == after


@pytest.mark.parametrize(
    ("limit", "installed", "available", "budget"),
    [
        (None, 16_000, 16_000, 4000),
        (2**63 // MB, 16_000, 16_000, 4000),
        (8_000, 16_000, 8_000, 2000),
        (3_000, 16_000, 3_000, 1000),
        (512, 16_000, 512, 256),  # or the container would be killed
        (None, 0, 0, 1000),
    ],
)
def test_memory_is_what_the_container_has(limit, installed, available, budget, monkeypatch):
    monkeypatch.delenv(loaded_models.BUDGET, raising=False)
    monkeypatch.setattr(cgroups, "memory_limit", lambda: limit and limit * MB)
    monkeypatch.setattr(hardware, "_installed_memory", lambda: installed * MB)
    assert hardware.available_memory() == available * MB
    assert loaded_models.budget() == budget * MB
