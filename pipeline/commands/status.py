"""Show which models of the runs are done, stale or missing."""

import argparse
import json
import sys
from pathlib import Path

import pandas as pd

from pipeline.commands.common import Verbs, cache_option
from pipeline.errors import FAILED
from pipeline.recipes.families import FAMILIES
from pipeline.results.storage import CACHE, list_runs
from pipeline.runs import fingerprinting


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser(
        "status", parents=[cache_option()], help="what is done, stale or missing"
    )
    options.set_defaults(act=show_status)
    options.add_argument("--json", action="store_true", help="as JSON, for programs")


def show_status(options: argparse.Namespace) -> int:
    """Print the state of every role of every run."""
    runs, problems = list_runs(options.cache)
    rows = []
    for run in runs:
        family = FAMILIES.get(run.record.family)
        roles = [model.role for model in family.models] if family else []
        roles += [role for role in run.by_role if role not in roles]
        for role in roles:
            record = run.by_role.get(role)
            artifact = run.artifact(role) if record else None
            rows.append(
                {
                    "run": run.name,
                    "family": run.record.family,
                    "role": role,
                    "state": fingerprinting.state(family, run, role) if family else "stale",
                    "accuracy": record and record.metrics.accuracy,
                    "headlines": record and record.headlines and record.headlines.accuracy,
                    "size_mb": record and record.size_bytes / 1e6,
                    "p50_ms": record and record.cost.p50_ms,
                    "artifact": artifact and _from_repository(artifact),
                }
            )
    for problem in problems:
        print(f"warning: {problem}", file=sys.stderr)
    if options.json:
        print(json.dumps(rows, indent=1))
    elif rows:
        print(pd.DataFrame(rows).to_string(index=False, na_rep="-", float_format="{:.4g}".format))
    else:
        print("no runs yet; python -m pipeline run --family toy makes one in two minutes")
    return FAILED if problems else 0


def _from_repository(path: Path) -> str:
    """A path relative to the repository, or absolute if it is outside the repository."""
    path, repository = path.resolve(), CACHE.parent
    return str(path.relative_to(repository) if path.is_relative_to(repository) else path)
