"""What the repository ships: valid runs, a README with true figures, files of limited size."""

import subprocess

import pytest

from pipeline.__main__ import main
from pipeline.analysis.budget import Budget
from pipeline.analysis.recommendation import comparisons, recommend
from pipeline.analysis.significance import in_words, paired_difference
from pipeline.recipes.families import FAMILIES
from pipeline.results import report, speed
from pipeline.results.storage import CACHE, list_runs, read_run
from pipeline.runs import fingerprinting
from tests.pipelines import ROOT

MODELS = {
    "mpnet": (
        *("teacher-int4", "distil-int4", "minilm-int4", "tiny-int8", "tiny-static", "tiny-qat"),
        *("tiny-int4", "micro-int4", "nano", "cascade-small", "cascade-teacher"),
    ),
    "mpnet-2000": (),
    "banking77": ("minilm-int4", "tiny-int4", "nano"),
}
"""Run → roles whose artifacts are in every clone."""


def _speed(run):
    return speed.markdown(run.record.bench)


TABLES = {
    "mpnet": {
        "README.md": (report.summary, report.budgets),
        "cache/README.md": (report.markdown, report.budgets),
        "pipeline/bench/README.md": (_speed,),
    },
    "mpnet-2000": {
        "cache/README.md": (report.markdown, report.budgets),
        "pipeline/bench/README.md": (_speed,),
    },
    "banking77": {"cache/README.md": (report.markdown, report.budgets)},
}
"""Run → the pages of the repository that show its tables."""
MOST_MB = 210
"""Largest size of a run's models in a clone."""


@pytest.fixture(scope="module")
def tracked():
    """Every file that git tracks, with its size in bytes."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return {path: path.stat().st_size for path in paths if path.is_file()}


@pytest.fixture(scope="module", params=MODELS)
def shipped(request):
    runs, problems = list_runs(CACHE)
    assert not problems
    return next(run for run in runs if run.name == request.param)


@pytest.mark.slow
def test_a_shipped_run_verifies(shipped, capsys):
    assert main(["verify", shipped.name]) == 0, capsys.readouterr().out


def test_no_shipped_model_is_stale(shipped):
    family = FAMILIES[shipped.record.family]
    states = {role: fingerprinting.state(family, shipped, role) for role in shipped.by_role}
    assert set(states.values()) == {"done"}, states


def test_the_readmes_show_the_shipped_run(shipped):
    for page, tables in TABLES[shipped.name].items():
        text = (ROOT / page).read_text("utf-8")
        for table in tables:
            assert table(shipped) in text, page


def test_the_readme_says_what_to_deploy_under_round_limits():
    compared = report.compared_models(read_run(CACHE / "mpnet"))
    best = {mb: recommend(compared, Budget(max_mb=mb)).recommended for mb in (60, 25, 10, 6, 1)}
    assert best[60] == best[25] == best[10]
    said = f"Under 60, 25 or 10 MB that is `{best[10]}`, under 6 MB `{best[6]}`, under 1 MB "
    assert f"{said}`{best[1]}`." in (ROOT / "README.md").read_text("utf-8")


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 180


def test_the_readmes_sentences_on_all_rows_hold():
    run = read_run(CACHE / "mpnet")
    right, readme = report.right_answers(run), (ROOT / "cache/README.md").read_text("utf-8")

    def said(role, other):
        found = paired_difference(right[role], right[other], comparisons(run.by_role))
        return in_words(found.low, found.high)

    assert f"trained on the labels alone, is {said('nano-baseline', 'nano')} than `nano`" in readme
    for role in ("tiny", "minilm"):
        assert f"`{role}-baseline` {said(f'{role}-baseline', role)} than `{role}`" in readme
    ends = [said(role, "teacher").split(" points")[0] for role in ("dynamic", "static", "qat")]
    expected = "`dynamic` is {} points less accurate than `teacher`, `static` {}, `qat` {} (95 %)"
    assert expected.format(*ends) in readme
    alone = [run.by_role[role].headlines.accuracy for role in ("teacher", "distil")]
    known = [f"{100 * share:.0f}" for share in alone]
    assert "the teacher knows {} (92 before) and `distil` {} (81)".format(*known) in readme


def test_the_readmes_sentences_on_speed_hold():
    run, readme = read_run(CACHE / "mpnet"), (ROOT / "pipeline/bench/README.md").read_text("utf-8")
    base = run.record.bench["one"][0]["mean_ms"]
    times = {
        row["role"]: base / row["mean_ms"]
        for row in run.record.bench["one"]
        if row["peer"] == "ours"
    }
    shares = {role: 100 * model.validation.accuracy for role, model in run.by_role.items()}
    assert shares["teacher"] - shares["cascade-small"] < 0.1
    assert (
        f"`cascade-small` has {shares['cascade-small']:.2f} % there, the teacher "
        f"{shares['teacher']:.2f} %. `minilm-int4` alone has {shares['minilm-int4']:.2f} % "
        f"at {times['minilm-int4']:.0f} times."
    ) in readme
    assert f"takes a {times['cascade-small']:.0f}th of the time of transformers'" in readme
    trio = ["tiny-int8", "tiny-static", "tiny-qat"]
    fast, right = [times[role] for role in trio], [shares[role] for role in trio]
    assert (
        f"at {min(fast):.0f} to {max(fast):.0f} times with {min(right):.1f} to {max(right):.1f} %"
    ) in readme


def test_the_readmes_sentences_on_2000_rows_hold():
    run = read_run(CACHE / "mpnet-2000")
    right, readme = report.right_answers(run), (ROOT / "cache/README.md").read_text("utf-8")
    found = {
        role: paired_difference(right[f"{role}-baseline"], right[role], comparisons(run.by_role))
        for role in ("nano", "tiny", "minilm")
    }
    ends = {role: in_words(one.low, one.high) for role, one in found.items()}
    expected = "`nano-baseline` is {nano} than `nano`, `tiny-baseline` {tiny} than `tiny` (95 %)"
    assert expected.format(**ends) in readme
    assert found["minilm"].low < 0 < found["minilm"].high
    accuracy = {role: model.metrics.accuracy for role, model in run.by_role.items()}
    family = FAMILIES["mpnet"]
    assert min(accuracy[student.role] for student in family.students()) > accuracy["tfidf"]


def test_the_readmes_sentences_on_banking77_hold():
    run = read_run(CACHE / "banking77")
    readme = (ROOT / "cache/README.md").read_text("utf-8")
    found = {role: 100 * run.by_role[role].validation.accuracy for role in run.by_role}
    said = "`teacher` has {teacher:.1f} %, `minilm` {minilm:.1f} and `tiny-int4`, of 9.3 MB, "
    assert said.format(**found) + f"{found['tiny-int4']:.1f}" in readme
    assert found["teacher"] >= 93
    small = [role for role, model in run.by_role.items() if model.size_bytes <= 10_000_000]
    assert max(found[role] for role in small) >= 91.5
    right = {role: model.metrics.accuracy for role, model in run.by_role.items()}
    pretrained = {student.role for student in FAMILIES["mpnet"].students()} - {"nano"}
    assert right["nano"] < right["tfidf"] < min(right[role] for role in pretrained)


def test_models_to_try_are_in_the_clone(shipped, tracked):
    for role in MODELS[shipped.name]:
        for name in shipped.by_role[role].artifact:
            assert shipped.folder / "artifacts" / role / name in tracked


def test_every_role_is_on_all_test_rows(shipped):
    rows = 3080 if shipped.name == "banking77" else 7600
    assert {len(shipped.predictions(role)) for role in shipped.by_role} == {rows}


def test_files_are_of_fair_size(tracked):
    assert max(tracked.values()) <= 40_000_000
    for name in MODELS:
        folder = CACHE / name / "artifacts"
        sizes = [size for path, size in tracked.items() if path.is_relative_to(folder)]
        assert sum(sizes) <= MOST_MB * 1e6


def test_texts_are_shipped_only_where_they_may_be_passed_on(shipped):
    assert (shipped.texts() is not None) == (shipped.name == "banking77")


def test_text_of_the_data_set_is_in_no_table_of_predictions(shipped):
    for role in shipped.by_role:
        frame = shipped.all_predictions(role)
        texts = frame.select_dtypes(exclude="number")
        assert list(texts) == ["split"]
        assert set(frame["split"]) - {"headlines"} == {"test", "validation"}
