"""Parts that only a cascade's card has: which member answers, and how to use one member."""

from pipeline.analysis.cascades import MOST_LOST
from pipeline.deployment import deployed_model
from pipeline.results.figures import CascadeRecord
from pipeline.results.storage import Run

_SPLITS = {"test": "test rows", "headlines": "invented headlines"}


def who_answers(run: Run, role: str, found: CascadeRecord) -> str:
    """A text on how a cascade answers, and a table of its members' rules and shares of answers.

    Args:
        run: the run that has the cascade.
        role: the role of the cascade.
        found: the cascade's members, rules and shares of answers.
    """
    splits = [split for split in _SPLITS if split in found.answered]
    answered = "".join(f" answers of {_SPLITS[split]} |" for split in splits)
    lines = [
        f"| member | MB | answers if at least so sure | at temperature |{answered}",
        f"|---|--:|--:|--:|{'--:|' * len(splits)}",
    ]
    # The last member has no rule: it answers all that is left.
    rules = zip(found.thresholds, found.temperatures, strict=True)
    said = [*(_rule(*rule) for rule in rules), "whatever is left |"]
    for place, member in enumerate(deployed_model.members(run, role)):
        shares = "".join(f" {100 * found.answered[split][place]:.0f} % |" for split in splits)
        size = f"{member.size_bytes / 1e6:.1f}"
        lines.append(f"| [`{member.role}`]({member.role}) | {size} | {said[place]} |{shares}")
    return (
        "The members are asked in turn. Each answers a text where its greatest probability is at "
        "least its threshold; else the next one is asked. Thresholds and temperatures were chosen "
        "on validation rows: as many texts as possible are answered early, and accuracy there is "
        f"at most {100 * MOST_LOST:.2f} points below that of the last member. Of harder texts, "
        "more go on, and the mean time grows.\n\n" + "\n".join(lines)
    )


def _rule(threshold: float, temperature: float) -> str:
    sure = "never" if threshold > 1 else f"{100 * threshold:.1f} %"
    return f"{sure} | {temperature:.2f}"


def of_its_members(run: Run, role: str) -> str:
    """A text on how to use a member by itself."""
    folders = ", ".join(f"`{member.role}/`" for member in deployed_model.members(run, role))
    return (
        f"`classify.py` asks the members as `cascade.json` says. Each is an export in a folder "
        f"of its own ({folders}), which loads by itself; its card says how."
    )
