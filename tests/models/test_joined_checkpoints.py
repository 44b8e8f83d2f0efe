"""Checkpoints that others trained: any architecture and tokenizer, and what is refused."""

import json

import numpy as np
import pytest
import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    CONFIG_MAPPING,
    AutoModelForSequenceClassification,
    BertForMaskedLM,
    set_seed,
)

from pipeline.data import data_sets
from pipeline.errors import PipelineError
from pipeline.inference.classifier import Classifier
from pipeline.inference.graph import softmax
from pipeline.models import joined_checkpoints, networks, toy_checkpoints
from pipeline.runs import joined
from tests import joining
from tests.joining import LABELS

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
    "initializer_range": 0.3,
}
# As in MPNet and RoBERTa, positions start after the padding's id.
BPE = SIZES | {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
# Architecture, configuration, tokenizer, number of classes, number of tokens that are read.
KINDS = {
    "cased BERT in shards": ("bert", SIZES, "pieces", 2, 66),
    "RoBERTa": ("roberta", BPE, "bytes", 4, 64),
    "DeBERTa-v2": (
        "deberta-v2",
        SIZES
        | {
            "relative_attention": True,
            "position_buckets": 16,
            "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False,
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
            "type_vocab_size": 0,
            "pad_token_id": 0,
        },
        "sentences",
        77,
        66,
    ),
    "ModernBERT": (
        "modernbert",
        SIZES
        | {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
        | {"cls_token_id": 0, "sep_token_id": 2},
        "bytes",
        4,
        66,
    ),
    "ELECTRA": ("electra", SIZES | {"embedding_size": 16}, "pieces", 4, 66),
    "GPT-2": (
        "gpt2",
        {
            "n_embd": 32,
            "n_layer": 2,
            "n_head": 4,
            "n_positions": 66,
            "pad_token_id": 3,
            "bos_token_id": 3,
            "eos_token_id": 3,
        },
        "bytes",
        4,
        66,
    ),
}
TEXTS = [
    "Coach wins the Cup",
    "coach",
    "",
    "Shares of the BANK fall again, says the minister " * 30,
]


def tokenizer(kind: str, texts: list[str]) -> Tokenizer:
    """A small tokenizer of that kind, trained on the texts. All keep upper case."""
    if kind == "pieces":
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
        found = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        found.normalizer = normalizers.BertNormalizer(lowercase=False)
        found.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=special)
    elif kind == "bytes":
        special = ["<s>", "<pad>", "</s>", "<|end|>"]
        found = Tokenizer(models.BPE())
        found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        found.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=300, special_tokens=special, initial_alphabet=alphabet
        )
    else:
        special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
        found = Tokenizer(models.Unigram())
        found.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="[UNK]")
    found.train_from_iterator(texts, trainer)
    first, last = ("<s>", "</s>") if kind == "bytes" else ("[CLS]", "[SEP]")
    ids = [(token, found.token_to_id(token)) for token in (first, last)]
    found.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=ids
    )
    return found


def checkpoint(folder, kind, shard="5GB"):
    """Save a small random classifier, its classes in reverse order; return it and its tokenizer."""
    architecture, sizes, pieces, classes, _ = KINDS[kind]
    own = tokenizer(pieces, [*joining.corpus(LABELS[4]).train.texts, *TEXTS])
    names = LABELS[classes][::-1]
    config = CONFIG_MAPPING[architecture](
        vocab_size=own.get_vocab_size(), **sizes, id2label=dict(enumerate(names))
    )
    set_seed(0)
    network = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    network.save_pretrained(folder, max_shard_size=shard)
    own.save(str(folder / "tokenizer.json"))
    return network.eval(), own


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_answers_as_in_transformers(tmp_path, kind):
    _, _, _, classes, length = KINDS[kind]
    labels = LABELS[classes]
    theirs, work = tmp_path / "theirs", tmp_path / "work"
    network, own = checkpoint(theirs, kind, "20KB" if "shards" in kind else "5GB")
    assert ("shards" in kind) == (len(list(theirs.glob("*.safetensors"))) > 1)
    data = joining.corpus(labels)
    run = joining.run_on(data, tmp_path / "cache")
    with joining.evaluated_here():
        run = joined.add(run, "guest", str(theirs), data, work)
    own.enable_truncation(length)
    expected = []
    for text in TEXTS:
        ids = torch.tensor([own.encode(text).ids])
        with torch.no_grad():
            logits = network(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.numpy()
        expected.append(softmax(logits)[:, ::-1])
    answered = Classifier(run.artifact("guest")).predict_proba(TEXTS)
    assert np.abs(answered - np.concatenate(expected)).max() < 1e-4
    assert answered.argmax(axis=1).tolist() == np.concatenate(expected).argmax(axis=1).tolist()
    model = run.by_role["guest"]
    assert model.settings["max_length"] == length
    assert model.settings["form"] == "safetensors"
    assert model.parameters == networks.parameter_count(network)


@pytest.fixture
def theirs(tmp_path):
    folder = tmp_path / "theirs"
    checkpoint(folder, "ELECTRA")
    return folder


def load(folder):
    config = joined_checkpoints.read_config(folder)
    own = joined_checkpoints.read_tokenizer(folder)
    joined_checkpoints.describe(folder, config, own)
    return joined_checkpoints.load(folder, own)


def edit(folder, **settings):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def save_without_a_head(folder):
    (folder / "model.safetensors").unlink()
    sizes = SIZES | {"vocab_size": 400}
    BertForMaskedLM(CONFIG_MAPPING["bert"](**sizes)).save_pretrained(folder)


def pickle_it(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def lose_a_shard(folder):
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def use_larger_tokenizer(folder):
    content = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = content["model"]["vocab"]
    vocabulary |= {f"more{number}": len(vocabulary) + number for number in range(50)}
    (folder / "tokenizer.json").write_text(json.dumps(content))


def cut(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


REFUSED = {
    "no head": (save_without_a_head, "is no trained classifier: it lacks bert.pooler"),
    "pickled": (pickle_it, "only safetensors are read, and it has pytorch_model.bin"),
    "a shard is missing": (lose_a_shard, "lacks model-00001-of-00002.safetensors"),
    "a larger vocabulary": (use_larger_tokenizer, "they are not of one model"),
    "a cut file": (cut, "can't read the checkpoint"),
    "an unknown architecture": (
        lambda folder: edit(folder, model_type="of-tomorrow"),
        "can't read the checkpoint",
    ),
    "no classifier": (
        lambda folder: edit(folder, model_type="clip_text_model"),
        "can't read the checkpoint",
    ),
    "code of its own": (
        lambda folder: edit(folder, model_type="x", auto_map={"AutoConfig": "a.B"}),
        "code of others is never run",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_classifier_is_refused_in_a_line(theirs, case):
    damage, said = REFUSED[case]
    damage(theirs)
    with pytest.raises(PipelineError) as error:
        load(theirs)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_sound_checkpoint_is_read(theirs):
    assert load(theirs).config.model_type == "electra"


# --- tokenizers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lower", [False, True])
def test_a_vocabulary_alone_is_read_as_transformers_reads_it(tmp_path, lower):
    folder = tmp_path / "theirs"
    texts = [*data_sets.load(toy=True).train.texts, "Coach Coach coach coach"]
    toy_checkpoints.make_checkpoint(folder, "bert", 1, 32, texts)
    for path in folder.glob("*token*"):
        path.unlink()
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": lower})
    )
    own = joined_checkpoints.read_tokenizer(folder)
    assert (own.encode("Coach").ids == own.encode("coach").ids) == lower


PADDING = {
    "the network's": ({"pad_token_id": 2}, {"pad_token": "[SEP]"}, {}, "[CLS]"),
    "its tokenizer's": ({"pad_token_id": None}, {"pad_token": "[SEP]"}, {}, "[SEP]"),
    "an object": ({"pad_token_id": None}, {"pad_token": {"content": "[SEP]"}}, {}, "[SEP]"),
    "the map's": ({"pad_token_id": None}, {}, {"pad_token": "[SEP]"}, "[SEP]"),
    "the usual one": ({"pad_token_id": None}, {}, {}, "[PAD]"),
    "a number that is none": ({"pad_token_id": -1}, {}, {}, "[PAD]"),
}


@pytest.mark.parametrize("case", PADDING)
def test_the_token_of_padding(theirs, case):
    config, of_tokenizer, special, expected = PADDING[case]
    edit(theirs, **config)
    (theirs / "tokenizer_config.json").write_text(json.dumps(of_tokenizer))
    (theirs / "special_tokens_map.json").write_text(json.dumps(special))
    own = joined_checkpoints.read_tokenizer(theirs)
    config = joined_checkpoints.read_config(theirs)
    assert joined_checkpoints.describe(theirs, config, own).pad_token == expected


LENGTHS = {
    "its positions": ({}, {}, 66),
    "its tokenizer's": ({}, {"model_max_length": 40}, 40),
    "nobody said": ({}, {"model_max_length": 10**30}, 66),
    "more than is read": ({"max_position_embeddings": 8192}, {}, 512),
    "after that of padding": ({"model_type": "roberta", "pad_token_id": 1}, {}, 64),
}


@pytest.mark.parametrize("case", LENGTHS)
def test_how_much_of_a_text_is_read(theirs, case):
    config, of_tokenizer, expected = LENGTHS[case]
    edit(theirs, **config)
    (theirs / "tokenizer_config.json").write_text(json.dumps(of_tokenizer))
    own = joined_checkpoints.read_tokenizer(theirs)
    config = joined_checkpoints.read_config(theirs)
    assert joined_checkpoints.describe(theirs, config, own).max_length == expected
