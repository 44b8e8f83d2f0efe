"""python -m tests.train_once CHECKPOINTS FOLDER: two short trainings, on labels and by a teacher's
logits, for as many processes as accelerate starts; the first writes to FOLDER/<training>/ the
weights with some logits, and the record."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from pipeline import hardware, processes
from pipeline.data import data_sets
from pipeline.models import networks
from pipeline.recipes.training_settings import Training
from pipeline.training import fitting, trainers
from pipeline.training.distillation import NO_LABEL

CHECKPOINT = "google-bert/bert-base-uncased"
ROWS = 77
"""A batch of 64 and a rest of 13, which neither 2 nor 4 processes can share evenly."""
SETTINGS = Training(rates=(5e-4, 1e-3), epochs=3, search_steps=2, checkpoint_steps=2)


def main(checkpoints: str, folder: str) -> None:
    """Train on labels alone, then by made logits on rows some of which have no label."""
    hardware.has_bf16 = lambda: False  # rounding to 8 bits would hide a difference, or make one
    torch.set_num_threads(1)
    corpus = data_sets.load(toy=True)
    rows = corpus.train.take(np.arange(ROWS))
    taught = replace(rows, labels=np.where(np.arange(ROWS) % 3, rows.labels, NO_LABEL))
    logits = np.random.default_rng(0).normal(size=(ROWS, 4))
    for name, split, teacher in (("labels", rows, None), ("logits", taught, logits)):
        out = Path(folder, name)
        if processes.is_first():
            out.mkdir()
        processes.wait_for_all()
        network, tokenizer, record = fitting.train(
            lambda: networks.load_checkpoint(
                CHECKPOINT, "bert", Path(checkpoints), data_sets.LABELS
            ),
            SETTINGS,
            split,
            corpus.validation,
            32,
            out,
            teacher,
        )
        answers = trainers.predict_logits(network, tokenizer, corpus.validation, 32)
        answers = torch.from_numpy(answers)
        labels = torch.from_numpy(corpus.validation.labels)
        record["loss by hand"] = functional.cross_entropy(answers, labels).item()
        if processes.is_first():
            save_file({**network.state_dict(), "logits": answers}, out / "weights")
            (out / "record.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main(*sys.argv[1:])
