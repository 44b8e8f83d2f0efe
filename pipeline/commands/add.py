"""Join a model from elsewhere to a run."""

import argparse
from pathlib import Path

from pipeline.commands.common import (
    Verbs,
    asked_again,
    cache_option,
    named_run,
    work_folder,
    work_option,
)
from pipeline.data.options import data_option
from pipeline.errors import PipelineError


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "add",
        parents=[cache_option(), data_option(), work_option("for what is made on the way")],
        help="join a model that was trained elsewhere to a run",
    )
    options.set_defaults(act=add_model)
    options.add_argument("run", metavar="RUN", help="name of the run")
    options.add_argument("role", metavar="ROLE", help="what the model is called in the run")
    options.add_argument(
        "--model",
        required=True,
        metavar="SOURCE",
        help="folder or Hub name of a checkpoint of transformers with a head for sequence "
        "classification (safetensors), or an ONNX folder in Optimum's layout",
    )
    options.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="the model's class names in the order of its outputs: a JSON list, or one a line "
        "(as its config.json has them)",
    )


def add_model(options: argparse.Namespace) -> int:
    """Export a model if necessary, score and measure it, and store it in the run."""
    run = named_run(options.cache, options.run)
    data = asked_again(run, options)

    from pipeline.evaluation import verification
    from pipeline.runs import joined

    joined.check_role(run, options.role)
    corpus, reason = verification.corpus_of(run, data)
    if corpus is None:
        raise PipelineError(
            f"{run.name}'s own texts are needed to score a model ({reason}); name their folder "
            "with --data"
        )
    work = work_folder(options)
    work.mkdir(parents=True, exist_ok=True)
    run = joined.add(run, options.role, options.model, corpus, work, options.labels)
    model = run.by_role[options.role]
    print(
        f"{model.role}, joined to {run.name}: accuracy {model.metrics.accuracy:.4f} on test, "
        f"{model.validation.accuracy:.4f} on validation, {model.size_bytes / 1e6:.1f} MB, "
        f"{model.cost.p50_ms:.3g} ms a row"
    )
    if joined.at_chance(run, model.role):
        print(
            "That is no better than always answering one class: are the labels in another order? "
            "--labels FILE says the order of the model's outputs"
        )
    return 0
