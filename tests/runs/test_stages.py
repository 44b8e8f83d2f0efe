"""What the stages say of checkpoints and data before anything is trained."""

from dataclasses import replace

import pytest

from pipeline.data import data_sets
from pipeline.recipes.families import FAMILIES
from pipeline.runs import lineage
from pipeline.runs.fingerprinting import INT8_BITS
from pipeline.runs.stages import Stages


@pytest.mark.parametrize("words", [4, 200])
def test_texts_that_are_not_read_to_their_end_are_said_once(
    words, checkpoints, data_folder, tmp_path, capsys
):
    family, corpus = FAMILIES["bert"], data_sets.load(data_folder)
    texts = [f"{row} " + "oil " * words for row in range(len(corpus.train))]
    corpus = replace(corpus, train=replace(corpus.train, texts=texts))
    inputs = {"data": corpus.fingerprint, INT8_BITS: "8"}
    inputs |= dict.fromkeys(lineage.checkpoints(family, family.by_role(), inputs), "of it")
    Stages(family, corpus, tmp_path, checkpoints, inputs).check_checkpoints(["teacher", "tiny"])
    said = capsys.readouterr().err
    line = "warning: 100 % of the training texts are longer than 128 tokens of google-bert/bert"
    assert said.count("warning") == said.count(line) == (words > 128)
