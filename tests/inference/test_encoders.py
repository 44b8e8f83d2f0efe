"""What a graph is fed: hashed n-grams, lower-case texts, tokens."""

import json
import zlib

import numpy as np
import pytest

from pipeline.errors import PipelineError
from pipeline.inference import encoders
from pipeline.inference.classifier import Classifier
from pipeline.inference.encoders import NGrams


def test_words_and_pairs_have_buckets_of_their_own():
    ngrams = NGrams(words=10, pairs=20)
    ids = ngrams.ids("Oil prices rise")
    words = [1 + zlib.crc32(word) % 10 for word in (b"oil", b"prices", b"rise")]
    pairs = [11 + zlib.crc32(pair) % 20 for pair in (b"oil prices", b"prices rise")]
    assert ids == words + pairs
    assert max(ids) < ngrams.buckets == 31


def test_case_does_not_matter_and_order_does():
    ngrams = NGrams(words=5000, pairs=5000)
    assert ngrams.ids("OIL Rises") == ngrams.ids("oil rises")
    assert sorted(ngrams.ids("oil rises")) != sorted(ngrams.ids("rises oil"))
    # Signs count as words: a headline with a dollar sign is more likely Business.
    assert len(ngrams.ids("$5 oil")) == 5


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_text_without_words_is_padding_alone(text):
    feeds = NGrams(7, 7).feeds([text])
    assert feeds["input_ids"].tolist() == [[0]]
    assert feeds["attention_mask"].tolist() == [[0]]


def test_rows_are_padded_to_the_longest_and_masked():
    feeds = NGrams(100, 100).feeds(["one", "one two three"])
    assert feeds["input_ids"].shape == feeds["attention_mask"].shape == (2, 5)
    assert feeds["attention_mask"].sum(axis=1).tolist() == [1, 5]
    assert (feeds["input_ids"][0, 1:] == 0).all()
    assert feeds["input_ids"].dtype == np.int64


def test_no_more_words_are_read_than_the_longest():
    assert len(NGrams(9, 9, longest=4).ids("a b c d e f")) == 4 + 3


def test_what_is_written_is_read(tmp_path):
    encoders.write_ngrams(tmp_path, NGrams(11, 13, 17), labels=["x", "y"])
    assert encoders.read(tmp_path) == (["x", "y"], NGrams(11, 13, 17))
    encoders.write_lowercase(tmp_path, labels=["x"])
    labels, encoder = encoders.read(tmp_path)
    assert labels == ["x"]
    assert encoder.feeds(["OIL"])["text"].tolist() == [["oil"]]


def test_buckets_that_are_none_are_an_error_of_the_folder(artifact, tmp_path):
    (tmp_path / "model.onnx").write_bytes((artifact / "model.onnx").read_bytes())
    settings = {"labels": ["x"], "input": "ngrams", "ngrams": {"words": 0, "pairs": 1}}
    (tmp_path / encoders.SETTINGS).write_text(json.dumps(settings))
    with pytest.raises(PipelineError, match="holds no model"):
        Classifier(tmp_path)
