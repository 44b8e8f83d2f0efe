"""The tables of ``bench``."""

import pytest

from pipeline.errors import PipelineError
from pipeline.results import speed

ROW = {"title": "x", "calls": 1, "role": "r"}
LIKE = {"same_labels": 1.0, "greatest_difference": 0.0}
WITHOUT_MEANS = [
    ROW | LIKE | {"group": "teacher", "peer": "transformers", "ms": 80.0},
    ROW | LIKE | {"group": "minilm", "peer": "transformers", "ms": 10.0},
    ROW | LIKE | {"group": "minilm", "peer": "ours", "ms": 2.0},
]
WITH_MEANS = [row | {"mean_ms": 1.25 * row["ms"], "p95_ms": 2 * row["ms"]} for row in WITHOUT_MEANS]
CASCADE = ROW | {"group": "cascade", "peer": "ours", "ms": 0.5, "mean_ms": 4.0, "p95_ms": 20.0}
MANY = {"many_texts": 64, "batch_size": 32}


def tables(rows):
    result = {"one": rows, "headline": rows, "many": rows}
    return [table.splitlines() for table in speed.markdown(result | MANY).split("\n\n")]


def test_ratios_are_of_means_against_transformers_on_the_same_weights_and_on_the_teacher():
    one, headline, many = tables([*WITH_MEANS, CASCADE])
    assert one[0].startswith("| One row | mean, ms | median, ms | 95 %, ms | times as fast |")
    assert headline[0].startswith("| One headline | mean, ms |")
    assert one[-2] == "| x | 2.50 | 2.00 | 4.00 | 5.0 | 40.0 | 100.0 % | 0.000 |"
    # On the teacher, transformers takes 100 ms on average. No peer runs a cascade.
    assert one[-1] == "| x | 4.00 | 0.50 | 20.00 |  | 25.0 |  |  |"
    assert many[0].startswith("| 64 rows in batches of 32 | rows/s | times as fast |")
    assert many[-1] == "| x | 16000 |  | 25.0 |  |  |"
    for table in (one, headline, many):
        assert len({line.count("|") for line in table}) == 1


def test_runs_that_were_timed_without_means_have_ratios_of_medians():
    one, _, many = tables(WITHOUT_MEANS)
    assert one[0].startswith("| One row | ms | times as fast |")
    assert one[-1] == "| x | 2.00 | 5.0 | 40.0 | 100.0 % | 0.000 |"
    assert many[-1] == "| x | 32000 | 5.0 | 40.0 | 100.0 % | 0.000 |"


def test_a_cascade_has_no_loop_in_file_order():
    model = {"role": "nano", "ms": 500.0, "same_labels": 1.0}
    models = [model | {"peer": "onnxruntime"}, model | {"peer": "ours", "ms": 250.0}]
    models.append({"role": "cascade-small", "peer": "ours", "ms": 1000.0})
    result = {"rows": 100, "models": models, "measured_on": {"hardware": {"processor": "X"}}}
    lines = speed.markdown({"evaluation": result}).splitlines()
    assert lines[-2:] == [
        "| `nano` | 200 | 400 | 2.0 | 100.0 % |",
        "| `cascade-small` | | 100 | | |",
    ]


def test_a_run_that_was_never_timed_is_told_how():
    with pytest.raises(PipelineError, match="python -m pipeline bench"):
        speed.markdown({})
