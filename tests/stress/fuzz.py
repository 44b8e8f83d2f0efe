"""atheris on what reads files that nobody has checked: python -m pip install atheris.

libFuzzer ends the process when its time is up, so it runs in one of its own.
"""

import contextlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def run(seconds: int, reader: str) -> int:
    from tests import synthetic  # not above: what is fuzzed must not be imported before

    try:
        import atheris  # noqa: F401
    except ImportError:
        sys.exit("fuzz needs atheris, which the tests do not: python -m pip install atheris")
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        whole = synthetic.write_run(Path(folder) / "cache", rows=20, at_hand=()).folder
        files = [whole / "run.json"] if reader == "record" else whole.glob("predictions/*")
        for path in files:
            # Under no checksum, at which most changes of a record would end.
            data = re.sub(rb'"checksum": "\w+"', b'"checksum": ""', path.read_bytes())
            (corpus / path.name).write_bytes(data)
        limits = [f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=10"]
        command = [sys.executable, "-m", "tests.stress.fuzz", reader, str(corpus), *limits]
        return subprocess.run([*command, "-print_final_stats=1"]).returncode


def fuzz(reader: str, arguments: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=["pipeline.records", "pipeline.predictions", "json"]):
        from pipeline import predictions, records

    file = Path(tempfile.mkdtemp()) / "it.parquet"

    def record(data: bytes) -> None:
        with contextlib.suppress(records.CacheError):
            records.parse(data)

    def table(data: bytes) -> None:
        file.write_bytes(data)
        with contextlib.suppress(records.CacheError):
            predictions.read_predictions(file, "it")

    atheris.Setup([sys.argv[0], *arguments], record if reader == "record" else table)
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz(sys.argv[1], sys.argv[2:])
