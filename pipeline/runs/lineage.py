"""What a model is made from: its parent, its teacher, its members, and a checkpoint."""

from collections.abc import Iterable, Iterator, Mapping

from pipeline.recipes.roles import (
    Cascade,
    Checkpoint,
    Distilled,
    Family,
    Model,
    QuantizationAware,
    Quantized,
    Trained,
)
from pipeline.recipes.training_settings import Training

LAYERS_FROM = "layers_from"
"""The input of a model that is ``PRETRAINED`` if its layers are not the fine-tuned teacher's."""
PRETRAINED = "the pretrained checkpoint"


def made_from(model: Model, inputs: Mapping[str, str]) -> str | None:
    """The role whose weights or graph a model is made from; None if there is none."""
    if isinstance(model, Quantized | QuantizationAware):
        return model.source
    if not isinstance(model, Trained) or takes_pretrained_layers(model, inputs):
        return None
    return model.parent if isinstance(model.start, str) else None


def members(model: Model) -> list[str]:
    """The roles that may be members of a cascade; empty for any other model."""
    return model.candidates() if isinstance(model, Cascade) else []


def taught_by(model: Model) -> str | None:
    """The role whose logits are in a model's loss; None if there is none."""
    return model.teacher if isinstance(model, Distilled | QuantizationAware) else None


def learns(model: Model) -> Training | None:
    """How a model's network is trained; None if it is not trained, but quantized or fitted."""
    return model.training if isinstance(model, Trained | QuantizationAware) else None


def makes_weights(model: Model) -> bool:
    """Whether a model is trained or fitted, not made from other models' artifacts."""
    return not isinstance(model, Quantized | Cascade)


def takes_pretrained_layers(model: Model, inputs: Mapping[str, str]) -> bool:
    """Whether a model takes its layers from its parent's pretrained checkpoint.

    A model that starts from a checkpoint of its own does not.
    """
    keeps_its_parents = isinstance(model, Trained) and model.layers and isinstance(model.start, str)
    return bool(keeps_its_parents and inputs.get(LAYERS_FROM) == PRETRAINED)


def keep_parents_layers(family: Family, roles: Iterable[str]) -> bool:
    """Whether any of these roles, or a role that it needs, keeps layers of its parent."""
    known = {LAYERS_FROM: PRETRAINED}
    return any(
        takes_pretrained_layers(model, known)
        for role in roles
        for model in with_ancestors(family, role, known)
    )


def starting_checkpoint(
    family: Family, model: Model, inputs: Mapping[str, str]
) -> Checkpoint | None:
    """The checkpoint that a model starts from; None if there is none.

    A student that keeps some of its parent's layers takes them from the parent's checkpoint if
    ``inputs`` say so, for example because the parent's fine-tuned weights are lost.
    """
    if not isinstance(model, Trained):
        return None
    if isinstance(model.start, str) and takes_pretrained_layers(model, inputs):
        return starting_checkpoint(family, family.by_role()[model.start], inputs)
    return model.checkpoint


def checkpoints(family: Family, roles: Iterable[str], inputs: Mapping[str, str]) -> list[str]:
    """Names of the pretrained checkpoints that these roles and their teachers start from."""
    starts = (
        starting_checkpoint(family, model, inputs)
        for role in roles
        for model in with_ancestors(family, role, inputs)
    )
    return list(dict.fromkeys(start.name for start in starts if start))


def with_ancestors(family: Family, role: str | None, inputs: Mapping[str, str]) -> Iterator[Model]:
    """A model and all models that its fingerprint depends on; a model may come twice."""
    if role is not None:
        model = family.by_role()[role]
        yield model
        yield from with_ancestors(family, made_from(model, inputs), inputs)
        yield from with_ancestors(family, taught_by(model), inputs)
        for member in members(model):
            yield from with_ancestors(family, member, inputs)
