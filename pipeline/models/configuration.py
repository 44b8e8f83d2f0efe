"""What is read from any classifier's configuration."""

from transformers import PreTrainedConfig


def class_count(config: PreTrainedConfig) -> int:
    """The number of classes that a classifier tells apart."""
    count = config.num_labels
    # transformers allows a configuration without class names; every classifier here has them.
    assert count is not None, "a classifier's configuration names its classes"
    return count
