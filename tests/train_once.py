"""python -m tests.train_once CHECKPOINTS FOLDER COUNT …: two short trainings by COUNT processes.

One training learns from labels, the other from a teacher's logits. For each COUNT, the first
process writes the weights with some logits, and the record, to FOLDER/<count>/<training>/. The
processes are forked, so that torch is imported once.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from accelerate import debug_launcher
from safetensors.torch import save_file
from torch.nn import functional

from pipeline import hardware, processes
from pipeline.data import data_sets
from pipeline.models import networks
from pipeline.recipes.training_settings import Training
from pipeline.training import model_selection, prediction
from pipeline.training.distillation import NO_LABEL
from pipeline.training.task import TrainingTask

CHECKPOINT = "google-bert/bert-base-uncased"
ROWS = 77
"""A batch of 64 and a rest of 13, which neither 2 nor 4 processes can share evenly."""
SETTINGS = Training(rates=(5e-4, 1e-3), epochs=3, search_steps=2, checkpoint_steps=2)


def train(checkpoints: str, folder: Path) -> None:
    """Train on labels alone, then on invented logits with rows of which some have no label."""
    os.environ["RANK"] = os.environ["LOCAL_RANK"] = str(torch.distributed.get_rank())
    hardware.has_bf16 = lambda: False  # 8 bits would hide differences, or make some
    torch.set_num_threads(1)
    corpus = data_sets.load(toy=True)
    rows = corpus.train.take(np.arange(ROWS))
    taught = replace(rows, labels=np.where(np.arange(ROWS) % 3, rows.labels, NO_LABEL))
    logits = np.random.default_rng(0).normal(size=(ROWS, 4))
    for name, split, teacher in (("labels", rows, None), ("logits", taught, logits)):
        out = folder / name
        if processes.is_first():
            out.mkdir(parents=True)
        processes.wait_for_all()
        task = TrainingTask(
            lambda: networks.load_checkpoint(
                CHECKPOINT, "bert", Path(checkpoints), data_sets.LABELS
            ),
            SETTINGS,
            split,
            corpus.validation,
            32,
            teacher,
        )
        network, tokenizer, record = model_selection.train_and_select(task, out)
        answers = prediction.predict_logits(network, tokenizer, corpus.validation, 32)
        answers = torch.from_numpy(answers)
        labels = torch.from_numpy(corpus.validation.labels)
        record["loss by hand"] = functional.cross_entropy(answers, labels).item()
        if processes.is_first():
            save_file({**network.state_dict(), "logits": answers}, out / "weights")
            (out / "record.json").write_text(json.dumps(record))


def main(checkpoints: str, folder: str, *counts: str) -> None:
    """Train by each number of processes in turn."""
    for count in counts:
        debug_launcher(train, (checkpoints, Path(folder, count)), num_processes=int(count))


if __name__ == "__main__":
    main(*sys.argv[1:])
