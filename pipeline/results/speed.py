"""The tables of ``bench``, in Markdown."""

from pipeline.errors import PipelineError


def markdown(result: dict) -> str:
    """The tables of ``bench``: one row, one headline, many rows, files, evaluation, training.

    Speed is compared with transformers' pipeline, on the same weights and on the teacher's.

    Raises:
        PipelineError: the run was never timed.
    """
    if not result:
        raise PipelineError("this run was never timed; python -m pipeline bench does it")
    parts = []
    if "one" in result:
        count = result["many_texts"]
        title = f"{count} rows in batches of {result['batch_size']}"
        parts.append(_comparison("One row", "ms", result["one"], 1))
        if "headline" in result:
            parts.append(_comparison("One headline", "ms", result["headline"], 1))
        parts.append(_comparison(title, "rows/s", result["many"], count))
    if "growth" in result:
        lines = ["| `classify` | rows | s | rows/s | peak memory, MB |", "|---|--:|--:|--:|--:|"]
        for role, rows in result["growth"].items():
            lines += [
                f"| `{role}` | {row['rows']:,} | {row['seconds']:.1f} "
                f"| {row['rows'] / row['seconds']:.0f} | {row['memory_mb']:.0f} |"
                for row in rows
            ]
        parts.append("\n".join(lines))
    if "evaluation" in result:
        parts.append(_evaluation(result["evaluation"]))
    if "training" in result:
        parts.append(_training(result["training"]))
    return "\n\n".join(parts)


def _evaluation(result: dict) -> str:
    """Rows per second of each model, by our Classifier and by an onnxruntime loop in file order."""
    lines = [
        f"| {result['rows']:,} rows, on {result['measured_on']['hardware']['processor']} "
        "| in file order, rows/s | ours, rows/s | times as fast | same labels |",
        "|---|--:|--:|--:|--:|",
    ]
    by_peer: dict[str, dict] = {"onnxruntime": {}, "ours": {}}
    for row in result["models"]:
        by_peer[row["peer"]][row["role"]] = row
    for role, ours in by_peer["ours"].items():
        own = f"{result['rows'] / ours['ms'] * 1e3:.0f}"
        loop = by_peer["onnxruntime"].get(role)
        if loop is None:  # a cascade, which onnxruntime alone can't run
            lines.append(f"| `{role}` | | {own} | | |")
            continue
        lines.append(
            f"| `{role}` | {result['rows'] / loop['ms'] * 1e3:.0f} | {own} "
            f"| {loop['ms'] / ours['ms']:.1f} | {100 * ours['same_labels']:.1f} % |"
        )
    return "\n".join(lines)


def _training(rows: list[dict]) -> str:
    """Rows per second of each way of training, compared with the first way of the same role."""
    lines = [
        "| training | rows | epochs | rows/s | times as fast | accuracy on validation |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    first = {row["role"]: row["rows_per_second"] for row in reversed(rows)}
    for row in rows:
        lines.append(
            f"| `{row['role']}`, {row['way']} | {row['rows']:,} | {row['epochs']} "
            f"| {row['rows_per_second']:.1f} | {row['rows_per_second'] / first[row['role']]:.1f} "
            f"| {100 * row['accuracy']:.1f} % |"
        )
    return "\n".join(lines)


_TIMES = {"mean_ms": "mean", "ms": "median", "p95_ms": "95 %"}
"""Columns of a table on one text, if means were measured; older tables have only medians."""


def _comparison(title: str, unit: str, rows: list[dict], texts: int) -> str:
    """One table; speed is compared with transformers' pipeline, see ``markdown``.

    Ratios are of means, or of medians if a run was timed without means.
    """
    by = "mean_ms" if rows and all("mean_ms" in row for row in rows) else "ms"
    times = [name for name in _TIMES if by == "mean_ms" and texts == 1] or [by]
    units = [f"{_TIMES[name]}, {unit}" for name in times] if len(times) > 1 else [unit]
    base = {row["group"]: row[by] for row in rows if row["peer"] == "transformers"}
    lines = [
        f"| {title} | {' | '.join(units)} | times as fast | against the teacher's | same labels "
        "| greatest difference |",
        f"|---|{'--:|' * (len(times) + 4)}",
    ]
    for row in rows:
        cells = [row["title"]]
        cells += [f"{row[n]:.2f}" if texts == 1 else f"{texts / row[n] * 1e3:.0f}" for n in times]
        for group in (row["group"], "teacher"):
            known = group in base and row["peer"] != "encoding"
            cells.append(f"{base[group] / row[by]:.1f}" if known else "")
        if "same_labels" in row:
            cells += [f"{100 * row['same_labels']:.1f} %", f"{row['greatest_difference']:.3f}"]
        else:
            cells += ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
