"""python -m tests.train_once CHECKPOINTS FOLDER: one short distillation, for as many processes as
accelerate starts; the first writes the weights to FOLDER/weights and the record beside them."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from pipeline import data, hardware, models, processes, trainer, training
from pipeline.roles import Training

CHECKPOINT = "google-bert/bert-base-uncased"


def main(checkpoints: str, folder: str) -> None:
    hardware.has_bf16 = lambda: False  # rounding to 8 bits would hide a difference, or make one
    torch.set_num_threads(1)
    corpus = data.load(toy=True)
    # 264 rows are batches of 24 without a rest.
    rows = corpus.train.take(np.arange(264))
    generator = np.random.default_rng(0)
    network, _, record = training.train(
        lambda: models.load_checkpoint(CHECKPOINT, "bert", Path(checkpoints)),
        Training(rates=(5e-4, 1e-3), epochs=2, batch_size=24, search_rows=48, checkpoint_steps=5),
        rows,
        corpus.validation,
        32,
        Path(folder),
        generator.normal(size=(len(rows), 4)),
    )
    logits = trainer.predict_logits(
        network, models.load_checkpoint(CHECKPOINT, "bert", Path(checkpoints))[1], rows, 32
    )
    if processes.is_first():
        save_file({**network.state_dict(), "logits": torch.from_numpy(logits)}, f"{folder}/weights")
        Path(folder, "record.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main(*sys.argv[1:])
