"""What a processor is said to do to int8."""

import pytest

from pipeline import hardware


@pytest.mark.parametrize(
    ("flags", "saturates"),
    [
        (["avx2"], True),
        (["avx2", "avx512f"], True),
        (["avx2", "avx512f", "avx512_vnni"], False),
        (["avx2", "avx_vnni"], False),
        ([], False),  # no x86
    ],
)
def test_int8_saturates_on_x86_without_vnni(flags, saturates, monkeypatch):
    monkeypatch.setattr(hardware, "cpu_flags", lambda: flags)
    assert hardware.int8_saturates() == saturates
