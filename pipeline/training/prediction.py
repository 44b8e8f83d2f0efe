"""Logits of a PyTorch network, before it is exported to a graph."""

from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from pipeline.data.data_sets import Split
from pipeline.models.inspection import class_count
from pipeline.models.networks import Tokenizer
from pipeline.training.rows import tokenize
from pipeline.training.trainer import make_predictor


def predict_logits(
    model: PreTrainedModel, tokenizer: Tokenizer, split: Split, max_length: int
) -> np.ndarray:
    """A model's logits on a split, float32 (n, classes), in the split's order."""
    rows = tokenize(split, tokenizer, max_length)
    # In order of length, so that batches need little padding.
    order = np.argsort(rows["length"], kind="stable")
    predictor = make_predictor(model, tokenizer, Path("."))
    logits = np.empty((len(split), class_count(model.config)), dtype=np.float32)
    logits[order] = predictor.predict(rows.select(order)).predictions
    return logits
