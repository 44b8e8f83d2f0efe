"""What a processor is said to do to int8 and to bf16."""

import pytest
import torch

from pipeline import hardware


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
    monkeypatch.setattr(hardware, "cpu_flags", lambda: ["avx512_bf16"])  # it is the GPU that trains
    assert hardware.has_bf16() == native


@pytest.mark.parametrize(("flags", "has"), [(["avx512_bf16"], True), (["avx512f"], False)])
def test_bf16_of_a_processor(flags, has, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(hardware, "cpu_flags", lambda: flags)
    assert hardware.has_bf16() == has
