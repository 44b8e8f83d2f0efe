"""Exports are loaded by their own script, by transformers and by transformers.js.

Each answers as a ``Classifier`` does on the artifact, one text at a time. The script runs in a
Python with few packages.
"""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from tokenizers import Tokenizer

from pipeline.data.data_sets import invented_headlines
from pipeline.deployment import deployed_model, export
from pipeline.inference.classifier import Classifier
from pipeline.results import storage

HEADLINES = invented_headlines().texts[::2][:200]
ODD = ["", " ", "Ünïcödé 東京 [MASK] <mask>", "a\u0000b", "\ud800", "word " * 3000, "(" * 300]
"""Texts that another program may read differently."""
SHIPPED = ("tiny-int8", "tiny-int4", "nano")
REAL = ("teacher", "distil", "minilm", "minilm-int4", "nano", "tfidf")
TRANSFORMERS_JS = "@huggingface/transformers@~4.3.1"
"""The range that was tested."""
CLIENT = Path(__file__).with_name("transformers_js.mjs")


@pytest.fixture(scope="session")
def shipped():
    return storage.read_run(storage.CACHE / "mpnet")


def expected(run, role, texts):
    """Probabilities of each text by itself, (n, k)."""
    return Classifier(run.artifact(role), threads=1).predict_proba(texts, batch_size=1)


def check_same(found, run, role, texts, tolerance=1e-3):
    """Raise unless answers (a dictionary per text) have the artifact's labels and probabilities."""
    assert [set(answer) for answer in found] == [set(run.labels)] * len(texts)
    given = np.array([[answer[label] for label in run.labels] for answer in found])
    own = expected(run, role, texts)
    assert np.abs(given - own).max() <= tolerance
    assert (given.argmax(axis=1) == own.argmax(axis=1)).all()
    assert len(set(own.argmax(axis=1))) > 1  # otherwise a constant answer would pass


# --- classify.py ----------------------------------------------------------------------------------


_ASK = """
import importlib.util, json, sys
sys.path.insert(0, sys.argv[1])
from classify import classify
others = [name for name in ("torch", "transformers", "pandas", "pipeline", "huggingface_hub")
          if importlib.util.find_spec(name)]
texts = json.load(sys.stdin)
print(json.dumps({"answers": classify(texts), "others": others}))
"""


def ask_script(python, folder, texts):
    """What ``classify.py`` answers in a process of its own."""
    done = subprocess.run(
        [python, "-I", "-c", _ASK, folder],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        cwd="/",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["others"] == []
    return found["answers"]


def test_what_the_script_needs(shipped):
    of = {role: deployed_model.packages(shipped.by_role[role]) for role in ("nano", "tiny-int4")}
    assert of == {
        "nano": ["onnxruntime", "numpy"],
        "tiny-int4": ["onnxruntime", "tokenizers", "numpy"],
    }


@pytest.mark.parametrize("role", SHIPPED)
def test_the_script_needs_nothing_else(shipped, tmp_path, bare_python, role):
    folder = export.export(shipped, role, tmp_path / role)
    texts = HEADLINES[:60] + ODD
    found = ask_script(bare_python(*deployed_model.packages(shipped.by_role[role])), folder, texts)
    check_same(found, shipped, role, texts, tolerance=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("role", REAL)
def test_the_script_runs_every_kind_of_model(real_run, tmp_path, bare_python, role):
    folder = export.export(real_run, role, tmp_path / role)
    texts = HEADLINES[:40] + ODD
    found = ask_script(bare_python(*deployed_model.packages(real_run.by_role[role])), folder, texts)
    check_same(found, real_run, role, texts, tolerance=1e-5)


@pytest.mark.parametrize("name", ["classify_tokens.py", "classify_ngrams.py", "classify_words.py"])
def test_the_script_is_short(name):
    assert len(Path(export.__file__).with_name(name).read_text("utf-8").splitlines()) <= 45


def test_the_script_on_the_command_line_and_six_lines_of_python(shipped, tmp_path, bare_python):
    folder = export.export(shipped, "nano", tmp_path / "nano")
    python = bare_python("onnxruntime", "numpy")
    texts = HEADLINES[:3]
    own = expected(shipped, "nano", texts).argmax(axis=1)
    labels = [shipped.labels[place] for place in own]
    script = folder / "classify.py"
    for arguments, typed in ((texts, ""), ([], "\n".join(texts))):
        said = _run(python, script, *arguments, typed=typed).splitlines()
        assert [line.split("\t")[0] for line in said] == labels
        assert [line.split("\t")[2] for line in said] == texts
    lines = deployed_model.six_lines("nano", texts[0])
    assert len([line for line in lines.splitlines() if line]) == 6
    said = _run(python, "-c", lines, cwd=tmp_path)
    assert said.startswith(f"{labels[0]} 0.")


def _run(*command, typed="", cwd=None):
    done = subprocess.run(
        command, input=typed, capture_output=True, text=True, cwd=cwd, timeout=120, check=True
    )
    return done.stdout


# --- transformers ---------------------------------------------------------------------------------


def check_tokenizer(folder, architecture, texts):
    """Check that transformers knows the architecture and labels, and makes the same tokens."""
    from transformers import AutoConfig, AutoTokenizer

    config, tokenizer = AutoConfig.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert config.model_type == architecture
    assert isinstance(config.id2label[0], str)
    own = Tokenizer.from_file(str(folder / "tokenizer.json"))
    own.no_padding()
    assert tokenizer(texts, truncation=True)["input_ids"] == [
        e.ids for e in own.encode_batch(texts)
    ]
    padded = tokenizer(texts[:8], truncation=True, padding=True)
    assert set(padded) == {"input_ids", "attention_mask"}
    own.enable_padding(pad_id=tokenizer.pad_token_id, pad_token=tokenizer.pad_token)
    assert padded["input_ids"] == [encoding.ids for encoding in own.encode_batch(texts[:8])]
    assert tokenizer.pad_token_id == config.pad_token_id


@pytest.mark.parametrize("role", ["tiny-int8", "tiny-int4"])
def test_transformers_reads_configuration_and_tokenizer(shipped, tmp_path, role):
    folder = export.export(shipped, role, tmp_path / role)
    check_tokenizer(folder, "bert", HEADLINES + [text for text in ODD if text != "\ud800"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "architecture"), [("teacher", "mpnet"), ("distil", "distilbert"), ("minilm", "bert")]
)
def test_transformers_loads_the_weights(real_run, tmp_path, role, architecture):
    from transformers import pipeline

    weights = real_run.folder.parents[1] / "weights" / role
    folder = export.export(real_run, role, tmp_path / role, weights)
    check_tokenizer(folder, architecture, HEADLINES)
    asked = pipeline("text-classification", str(folder), device="cpu")
    answers = asked(HEADLINES, top_k=None, truncation=True)
    found = [{each["label"]: each["score"] for each in answer} for answer in answers]
    check_same(found, real_run, role, HEADLINES)


# --- transformers.js ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def node_modules():
    """The folder with transformers.js. It is downloaded once per machine."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node is missing: transformers.js can't be asked")
    name = TRANSFORMERS_JS.replace("/", "-").lstrip("@")
    root = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"
    root.mkdir(exist_ok=True)
    with FileLock(root / ".lock"):
        if not (root / "installed").is_file():
            done = subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--prefix", root, TRANSFORMERS_JS],
                env={**os.environ, "ONNXRUNTIME_NODE_INSTALL": "skip"},
                capture_output=True,
                text=True,
                timeout=600,
            )
            assert done.returncode == 0, done.stderr
            (root / "installed").touch()
    return root


def ask_transformers_js(root, folders, texts):
    """Answers of ``pipeline("text-classification")`` to each text by itself, by folder's name."""
    client = shutil.copy(CLIENT, root)
    question = {"root": str(folders[0].parent), "names": [f.name for f in folders], "texts": texts}
    done = subprocess.run(
        ["node", client], input=json.dumps(question), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.clients
def test_transformers_js_answers_alike(shipped, real_run, tmp_path, node_modules):
    roles = {"tiny-int8": shipped, "tiny-int4": shipped, **dict.fromkeys(REAL[:3], real_run)}
    folders = [export.export(run, role, tmp_path / role) for role, run in roles.items()]
    found = ask_transformers_js(node_modules, folders, HEADLINES)
    assert set(found) == set(roles)
    for role, run in roles.items():
        check_same(found[role], run, role, HEADLINES)
