"""A run's results as a Markdown table: the one in the README."""

from pipeline import analysis
from pipeline.budget import SIGNIFICANT
from pipeline.cache import PROBABILITIES, Run
from pipeline.families import REPORTED, Reported

HEADER = (
    "| model | role | accuracy | 95 % interval | against the teacher | MB | ms | headlines/s "
    "| reported |",
    "|---|---|--:|:-:|:-:|--:|--:|--:|:-:|",
)


def markdown(run: Run) -> str:
    """One line a model, the largest first.

    Accuracy and its interval (Wilson) are shares of the test rows in percent; *against the teacher*
    is McNemar's exact p, corrected by Holm, called a tie from 0.05 on; MB is 10^6 bytes of the
    artifact; ms is the median time of one headline; *reported* is what the source notebook said:
    accuracy, MB.
    """
    predictions = {role: run.predictions(role) for role in run.by_role}
    labels = next(iter(predictions.values()))["label"].to_numpy()
    probabilities = {role: frame[PROBABILITIES].to_numpy() for role, frame in predictions.items()}
    reported = {} if run.record.toy else REPORTED
    table = analysis.models_table(run.table(), labels, probabilities, reported)
    return "\n".join([*HEADER, *(_line(row, reported.get(row.role)) for row in table.itertuples())])


def _line(row, reported: Reported | None) -> str:
    if row.role == "teacher":
        against = "—"
    else:
        against = f"{'a tie' if row.p_teacher >= SIGNIFICANT else 'differs'}, p {_p(row.p_teacher)}"
    said = ""
    if reported:
        mark = "*" if reported.note else ""
        said = f"{100 * reported.accuracy:.1f}, {reported.size_mb:g}{mark}"
    cells = [
        row.title,
        f"`{row.role}`",
        f"{100 * row.accuracy:.1f}",
        f"{100 * row.low:.1f} – {100 * row.high:.1f}",
        against,
        f"{row.size_mb:.1f}",
        f"{row.p50_ms:.1f}",
        f"{row.headlines_per_second:.0f}",
        said,
    ]
    return f"| {' | '.join(cells)} |"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.2g}"
