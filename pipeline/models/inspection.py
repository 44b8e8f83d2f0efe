"""Properties of any classifier, with the types that transformers leaves open."""

from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel


def class_count(config: PreTrainedConfig) -> int:
    """The number of classes of a classifier."""
    count = config.num_labels
    # transformers allows a configuration without class names; every classifier here has them.
    assert count is not None, "a classifier's configuration names its classes"
    return count


def word_embeddings(model: PreTrainedModel) -> nn.Embedding:
    """The table of word embeddings of a model that reads WordPieces."""
    table = model.get_input_embeddings()
    assert isinstance(table, nn.Embedding), "so in BERT, DistilBERT and MPNet"
    return table
