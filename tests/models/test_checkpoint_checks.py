"""Checkpoints as people have them: whole, sharded, of another kind, damaged, or elsewhere."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertForMaskedLM, BertForSequenceClassification, set_seed

from pipeline.__main__ import main
from pipeline.data import data_sets, hub
from pipeline.data.data_sets import LABELS
from pipeline.errors import PipelineError
from pipeline.models import networks, toy_checkpoints

NAME = "google-bert/bert-base-uncased"
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 440449768\n".format("0" * 64)


@pytest.fixture
def folder(checkpoints, tmp_path):
    """A whole checkpoint of a two-layer BERT under the name NAME, which a test may damage."""
    whole = checkpoints / "microsoft" / "MiniLM-L12-H384-uncased"
    return shutil.copytree(whole, tmp_path / "all" / NAME)


@pytest.fixture(autouse=True)
def no_hub(monkeypatch):
    monkeypatch.setattr(hub, "_answers", lambda: False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def load(folder, max_length=48):
    """The checkpoint's identity and its network, as a run reads them."""
    root = folder.parent.parent
    identity = networks.checkpoint_identity(NAME, root)
    network, _ = networks.load_checkpoint(NAME, "bert", root, LABELS, max_length)
    return identity, network


def edit(folder, **settings):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def rename(folder, how):
    path = folder / "model.safetensors"
    save_file(
        {how(name): tensor for name, tensor in load_file(path).items()}, path, {"format": "pt"}
    )


def saved_as(folder, kind, **options):
    """Save the checkpoint again with another class of transformers; return that network."""
    network = kind.from_pretrained(folder, **options)
    network.save_pretrained(folder)
    return network


def shard(folder):
    saved = BertForSequenceClassification.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    saved.save_pretrained(folder, max_shard_size="50KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1


def without_vocabulary(folder):
    for name in ("vocab.txt", "tokenizer.json"):
        (folder / name).unlink(missing_ok=True)


def other_vocabulary(folder):
    without_vocabulary(folder)
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")


def cut_layer(folder):
    rename(folder, lambda name: name.replace("layer.1.", "layer.7."))


def only_pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def lose_shard(folder):
    shard(folder)
    next(folder.glob("model-*.safetensors")).unlink()


def deeper(folder):
    inner = folder / "bert-base-uncased"
    inner.mkdir()
    for path in list(folder.iterdir()):
        if path != inner:
            path.rename(inner / path.name)


REFUSED = {
    "another architecture": (
        lambda f: edit(f, model_type="roberta"),
        "is of architecture roberta; bert is",
    ),
    "keys with a prefix": (
        lambda f: rename(f, lambda name: f"module.model.{name}"),
        "do not fit a bert model: it lacks bert.embeddings.LayerNorm.bias, ",
    ),
    "a layer under another name": (cut_layer, "it lacks bert.encoder.layer.1."),
    "more layers than the configuration says": (
        lambda f: edit(f, num_hidden_layers=1),
        "it has, and its configuration does not,",
    ),
    "another width": (lambda f: edit(f, intermediate_size=64), "of another shape"),
    "no vocabulary": (
        without_vocabulary,
        "has no vocabulary: neither vocab.txt nor tokenizer.json",
    ),
    "another model's vocabulary": (other_vocabulary, "has 6 pieces, its embeddings have"),
    "few positions": (
        lambda f: saved_as(
            f, BertForMaskedLM, max_position_embeddings=32, ignore_mismatched_sizes=True
        ),
        "has 32 positions, and the family reads 48 tokens",
    ),
    "weights of git-lfs": (
        lambda f: (f / "model.safetensors").write_text(LFS),
        "model.safetensors is a git-lfs pointer",
    ),
    "a vocabulary of git-lfs": (
        lambda f: (f / "vocab.txt").write_text(LFS),
        "vocab.txt is a git-lfs pointer",
    ),
    "a configuration of git-lfs": (
        lambda f: (f / "config.json").write_text(LFS),
        "config.json is a git-lfs pointer",
    ),
    "a pickle alone": (
        only_pickle,
        "only safetensors are read, and it has pytorch_model.bin; save",
    ),
    "a shard missing": (lose_shard, "which model.safetensors.index.json lists"),
    "no index": (
        lambda f: (shard(f), (f / "model.safetensors.index.json").write_text("[]")),
        "is no index of sharded weights",
    ),
    "a folder too deep": (deeper, "one lies a folder deeper, in"),
    "no configuration": (
        lambda f: (f / "config.json").unlink(),
        "is no checkpoint: it has no config.json",
    ),
    "a configuration that is none": (
        lambda f: (f / "config.json").write_text("{"),
        "can't read the checkpoint",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_does_not_fit_is_one_line(kind, folder):
    damage, message = REFUSED[kind]
    damage(folder)
    with pytest.raises(PipelineError) as error:
        load(folder)
    said = str(error.value)
    assert message in said
    assert str(folder.parent.parent) in said
    assert len(said.splitlines()) == 1


FITS = {
    "as published": lambda f: None,
    "of a masked language model, without pooler": lambda f: saved_as(f, BertForMaskedLM),
    "with a head for two classes": lambda f: saved_as(
        f, BertForSequenceClassification, num_labels=2
    ),
    "with a head for as many classes": lambda f: saved_as(
        f, BertForSequenceClassification, num_labels=4
    ),
    "sharded": shard,
}


@pytest.mark.parametrize("kind", FITS)
def test_only_the_head_may_be_missing(kind, folder):
    before = load_file(folder / "model.safetensors")
    set_seed(0)
    FITS[kind](folder)
    identity, network = load(folder)
    found = network.bert.state_dict()
    encoder = {name: tensor for name, tensor in before.items() if not name.startswith("pooler")}
    assert encoder
    for name, tensor in encoder.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=0)
    assert network.classifier.weight.shape == (4, 32)
    assert network.config.id2label == dict(enumerate(LABELS))
    assert len(identity) == 64


def test_a_head_for_other_classes_is_not_kept(folder):
    told = saved_as(folder, BertForSequenceClassification, num_labels=4).classifier.weight
    _, network = load(folder)
    assert network.classifier.weight.std() > 0
    assert not torch.equal(network.classifier.weight, told)


def test_an_embedding_table_may_be_rounded_up(folder):
    network = BertForMaskedLM.from_pretrained(folder)
    network.resize_token_embeddings(pad_to_multiple_of=64)
    network.save_pretrained(folder)
    load(folder)


def test_every_shard_is_in_the_identity(folder):
    shard(folder)
    before, _ = load(folder)
    path = sorted(folder.glob("model-*.safetensors"))[-1]
    save_file(
        {name: tensor + 1 for name, tensor in load_file(path).items()}, path, {"format": "pt"}
    )
    assert load(folder)[0] != before


def test_mpnets_first_positions_are_the_paddings(checkpoints):
    name = "sentence-transformers/all-mpnet-base-v2"  # 160 positions here
    networks.load_checkpoint(name, "mpnet", checkpoints, LABELS, 158)
    with pytest.raises(PipelineError, match="has 158 positions, and the family reads 159 tokens"):
        networks.load_checkpoint(name, "mpnet", checkpoints, LABELS, 159)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("google-bert", "there is one at {given}/bert-base-uncased: give --checkpoints {root}"),
        (f"{NAME}", "{given} is a checkpoint itself; --checkpoints takes the folder above"),
        (".", None),
    ],
)
def test_a_folder_one_level_off_is_named(folder, given, said):
    root = folder.parent.parent
    if said is None:
        assert hub.find_checkpoint(NAME, root / given) == str(root / given / NAME)
        return
    with pytest.raises(PipelineError) as error:
        hub.find_checkpoint(NAME, root / given)
    assert said.format(given=root / given, root=root) in str(error.value)


def test_a_folder_without_its_owners_is_named(folder):
    flat = folder.parent.parent / "flat"
    shutil.move(folder, flat / "bert-base-uncased")
    with pytest.raises(PipelineError, match=f"move it to {flat}/google-bert/bert-base-uncased"):
        hub.find_checkpoint(NAME, flat)


def test_the_hub_is_asked_last_and_where_was_looked_is_said(folder):
    root = folder.parent.parent
    other = "distilbert/distilbert-base-uncased"
    with pytest.raises(hub.NotAtHandError, match=f"there is nothing at {root}/{other}"):
        networks.checkpoint_identity(other, root)


def test_a_students_checkpoint_is_looked_at_before_the_teacher_is_trained(
    checkpoints, data_folder, tmp_path, capsys
):
    root = shutil.copytree(checkpoints, tmp_path / "all")
    cut_layer(root / "microsoft" / "MiniLM-L12-H384-uncased")
    where = ["--cache", tmp_path / "cache", "--checkpoints", root, "--data", data_folder]
    assert main(["run", "--family", "bert", "--only", "minilm", *map(str, where)]) == 1
    said = capsys.readouterr().err
    assert "it lacks bert.encoder.layer.1." in said
    assert "training" not in said


def test_layers_that_a_checkpoint_does_not_have_are_said_at_once(
    checkpoints, data_folder, tmp_path, capsys
):
    root = shutil.copytree(checkpoints, tmp_path / "all")
    place = root / "sentence-transformers" / "all-mpnet-base-v2"
    shutil.rmtree(place)
    texts = data_sets.load(toy=True).train.texts
    toy_checkpoints.make_checkpoint(place, "mpnet", 6, 32, texts)
    where = ["--cache", tmp_path / "cache", "--checkpoints", root, "--data", data_folder]
    assert main(["run", "--family", "mpnet", "--only", "distil", *map(str, where)]) == 1
    said = capsys.readouterr().err
    assert "layer 11 is asked for, but the checkpoint has 6 layers" in said
    assert "training" not in said


def test_a_broken_checkpoint_is_not_taken_for_one_that_is_not_at_hand(folder):
    """Otherwise a run would take the checkpoint's identity from its own record."""
    (folder / "vocab.txt").write_text(LFS)
    with pytest.raises(PipelineError) as error:
        networks.checkpoint_identity(NAME, folder.parent.parent)
    assert not isinstance(error.value, hub.NotAtHandError)
