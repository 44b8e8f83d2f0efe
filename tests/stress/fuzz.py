"""Fuzz the readers of unchecked files with atheris: python -m pip install atheris.

libFuzzer ends its process when its time is up, so it runs in a process of its own.
"""

import contextlib
import json
import re
import subprocess
import sys
import tempfile
from math import isfinite
from pathlib import Path
from typing import Any


def run(seconds: int, reader: str) -> int:
    from tests import synthetic  # not above: atheris must import the readers first

    try:
        import atheris  # noqa: F401
    except ImportError:
        sys.exit("fuzz needs atheris, which the tests do not: python -m pip install atheris")
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        whole = synthetic.write_run(Path(folder) / "cache", rows=20, at_hand=()).folder
        files = whole.glob("predictions/*") if reader == "predictions" else [whole / "run.json"]
        for path in files:
            # Without the checksum, which would reject most changes of a record.
            data = re.sub(rb'"checksum": "\w+"', b'"checksum": ""', path.read_bytes())
            (corpus / path.name).write_bytes(data)
        if reader == "values":  # the values are put into this record
            (corpus / "run.json").rename(Path(folder) / "run.json")
        limits = [f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=10"]
        command = [sys.executable, "-m", "tests.stress.fuzz", reader, str(corpus), *limits]
        return subprocess.run([*command, "-print_final_stats=1"]).returncode


def changed(document: Any, provider) -> Any:
    """A copy of a JSON document with one other value; the fuzzer's bytes choose both."""
    if isinstance(document, dict | list) and document and provider.ConsumeProbability() < 0.9:
        place = provider.PickValueInList(
            list(document) if isinstance(document, dict) else list(range(len(document)))
        )
        copied = document.copy()
        copied[place] = changed(document[place], provider)
        return copied
    text = provider.ConsumeUnicode(20)
    number = provider.ConsumeFloat()
    values = [None, True, number, -number, int(number) if isfinite(number) else 0, text, 10**400]
    return provider.PickValueInList([*values, [text], {text: number}, [], {}])


def fuzz(reader: str, arguments: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(
        include=["pipeline.results.records", "pipeline.results.predictions", "json"]
    ):
        from pipeline.results import predictions, records

    file = Path(tempfile.mkdtemp()) / "it.parquet"

    def record(data: bytes) -> None:
        with contextlib.suppress(records.CacheError):
            records.parse(data)

    def values(data: bytes) -> None:
        provider, document = atheris.FuzzedDataProvider(data), whole
        for _ in range(provider.ConsumeIntInRange(1, 3)):
            document = changed(document, provider)
        record(json.dumps(document).encode())

    def table(data: bytes) -> None:
        file.write_bytes(data)
        with contextlib.suppress(records.CacheError):
            predictions.read_predictions(file, "it", 4)

    if reader == "values":
        whole = json.loads(Path(arguments[0]).with_name("run.json").read_bytes())
    called = {"record": record, "values": values, "predictions": table}
    atheris.Setup([sys.argv[0], *arguments], called[reader])
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz(sys.argv[1], sys.argv[2:])
