"""Classify texts: ``python classify.py TEXT …``, or one text per line on standard input.

It needs the packages that its members' scripts need. In Python: ``from classify import classify``.
"""

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

HERE = Path(__file__).resolve().parent
MEMBERS = json.loads((HERE / "cascade.json").read_text("utf-8"))["members"]
SCRIPTS = []
for member in MEMBERS:
    spec = spec_from_file_location(member["folder"], HERE / member["folder"] / "classify.py")
    assert spec is not None
    assert spec.loader is not None
    SCRIPTS.append(module_from_spec(spec))
    spec.loader.exec_module(SCRIPTS[-1])


def classify(texts: list[str]) -> list[dict[str, float]]:
    """Return the probability of each label for each text, by the first member that is sure."""
    answers = []
    for text in texts:
        answer: dict[str, float] = {}
        for member, script in zip(MEMBERS, SCRIPTS, strict=True):
            [answer] = script.classify([text])
            powers = [share ** (1 / member.get("temperature", 1)) for share in answer.values()]
            if max(powers) / sum(powers) >= member.get("threshold", 0):  # true for the last one
                break
        answers.append(answer)
    return answers


if __name__ == "__main__":
    for line in sys.argv[1:] or sys.stdin:
        [answer] = classify([line.rstrip("\n")])
        print(*max(answer.items(), key=lambda item: item[1]), line.rstrip(), sep="\t", flush=True)
