"""A run whose models are real graphs, made without training; a Python with few packages."""

import venv
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from pipeline.compression import export, ngram_graph, quantization, weight_files
from pipeline.data.data_sets import LABELS, invented_headlines
from pipeline.inference.graph import GRAPH
from pipeline.models import networks, ngrams, tfidf, toy_checkpoints
from pipeline.recipes.training_settings import NGramShape, TfIdf
from pipeline.results import run_writing
from tests import synthetic

MAX_LENGTH = 128
ARCHITECTURES = {"teacher": "mpnet", "distil": "distilbert", "minilm": "bert"}
"""Role → architecture of the float32 models."""
ROLES = (*ARCHITECTURES, "minilm-int4", "nano", "tfidf")


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory):
    """Makes a Python with its standard library and the named packages only."""

    def make(*packages):
        folder = tmp_path_factory.mktemp("bare") / "venv"
        venv.create(folder, with_pip=False)
        [site] = folder.glob("lib/python*/site-packages")
        for package in packages:
            source = Path(find_spec(package).origin).parent
            for path in (source, source.with_name(f"{package}.libs")):  # shared libraries of wheels
                if path.is_dir():
                    (site / path.name).symlink_to(path)
        return folder / "bin" / "python"

    return make


@pytest.fixture(scope="session")
def real_run(tmp_path_factory):
    """A run "real" of float32 transformers, one of them in 4 bits, nano and TF-IDF.

    The teacher's graph has its weights in several files. The float32 checkpoints are in the folder
    ``weights/<role>`` beside the cache.
    """
    root = tmp_path_factory.mktemp("real")
    cache, artifacts = root / "cache", {role: root / "artifacts" / role for role in ROLES}
    for seed, (role, architecture) in enumerate(ARCHITECTURES.items()):
        _transformer(root, role, architecture, seed, artifacts[role])
    weight_files.split_weights(artifacts["teacher"] / GRAPH, most_bytes=50_000)
    _quantized(artifacts["minilm"], artifacts["minilm-int4"])
    _nano(artifacts["nano"])
    _tfidf(artifacts["tfidf"])
    # The run takes its figures from the synthetic one and its artifacts from above.
    run = synthetic.write_run(cache, "real", roles=ROLES, at_hand=())
    tables = {role: run.all_predictions(role) for role in ROLES}
    settings = {"max_length": MAX_LENGTH}
    models = [replace(model, settings=settings) for model in run.record.models]
    return run_writing.write_run(cache, replace(run.record, models=models), tables, artifacts)


def _transformer(root, role, architecture, seed, artifact):
    """Write weights and artifact of a random network whose answers differ from text to text."""
    texts = invented_headlines().texts
    checkpoints = root / "checkpoints"
    toy_checkpoints.make_checkpoint(checkpoints / "toy" / role, architecture, 2, 32, texts, seed)
    network, tokenizer = networks.load_checkpoint(f"toy/{role}", architecture, checkpoints, LABELS)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.dim() == 2 and ("layer." in name or "classifier" in name):
                spread = 2 / weight.shape[1] ** 0.5
                weight.copy_(spread * torch.randn(weight.shape, generator=generator))
    weights = root / "weights" / role
    weights.mkdir(parents=True)
    networks.save(network, tokenizer, weights)
    artifact.mkdir(parents=True)
    export.export_onnx(network, artifact / GRAPH)
    networks.write_encoder(artifact, tokenizer, MAX_LENGTH, LABELS)


def _quantized(source, target):
    target.mkdir()
    for path in source.iterdir():
        if path.name != GRAPH:
            (target / path.name).write_bytes(path.read_bytes())
    quantization.quantize_4bit(source / GRAPH, target / GRAPH, block_size=16)


def _nano(artifact):
    artifact.mkdir()
    torch.manual_seed(3)
    network, tokenizer = ngrams.new(NGramShape(words=200, pairs=300, width=7, hidden=8), LABELS)
    with torch.no_grad():
        network.linear.weight.normal_(std=30.0)
    ngram_graph.export(network.eval(), artifact / GRAPH)
    networks.write_encoder(artifact, tokenizer, MAX_LENGTH, LABELS)


def _tfidf(artifact):
    from pipeline.inference import encoders

    artifact.mkdir()
    train, test = invented_headlines("train"), invented_headlines("test")
    tfidf.fit(train, test, TfIdf(inverse_penalties=(10.0,)), artifact / GRAPH)
    encoders.write_lowercase(artifact, labels=LABELS)
