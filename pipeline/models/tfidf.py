"""The classical baseline: TF-IDF of words and pairs of words, with logistic regression."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline

from pipeline.data.data_sets import Split
from pipeline.errors import PipelineError
from pipeline.recipes.training_settings import TfIdf

TOLERANCE = 1e-4
_LATIN = "[a-zA-Z0-9_]+"
_OTHER_SCRIPTS = r"\w+", r"[\p{L}\p{N}_]+"
"""Regular expressions for words of any script: Python's, and onnxruntime's (RE2)."""
_SAMPLE = 2_000
_MOST_OTHER = 0.01
"""``_LATIN`` is used unless more than this share of the letters is outside ASCII."""


def fit(train: Split, validation: Split, shape: TfIdf, target: Path) -> dict:
    """Train the baseline, and write a graph from lower-case texts to logits to ``target``.

    Validation rows choose the penalty. The graph contains the vocabulary, so its size is the size
    of the whole model.

    Returns:
        A record for ``run.json``: the best inverse penalty, the cross-entropy on validation by
        inverse penalty, the number of weights, and the number of training rows.

    Raises:
        PipelineError: no word occurs in ``shape.least_rows`` texts, or the graph's logits differ
            from scikit-learn's by more than 1e-4.
    """
    texts, judged_on = ([text.lower() for text in split.texts] for split in (train, validation))
    pattern, pattern_in_graph = words_of(texts)
    vectorizer = TfidfVectorizer(
        # onnxruntime's Tokenizer supports this pattern. Texts are already in lower case.
        token_pattern=pattern,
        lowercase=False,
        ngram_range=(1, shape.longest),
        min_df=shape.least_rows,
        dtype=np.float32,
    )
    try:
        features = vectorizer.fit_transform(texts)
    except ValueError as error:
        raise PipelineError(
            f"TF-IDF finds no word that {shape.least_rows} training texts share; make the other "
            "models with --only"
        ) from error
    judged = vectorizer.transform(judged_on)
    tried = {}
    for inverse_penalty in shape.inverse_penalties:
        regression = LogisticRegression(C=inverse_penalty, max_iter=300)
        regression.fit(features, train.labels)
        loss = float(log_loss(validation.labels, regression.predict_proba(judged)))
        tried[inverse_penalty] = (loss, regression)
    best = min(tried, key=lambda penalty: tried[penalty][0])
    regression = tried[best][1]
    model = to_onnx(
        make_pipeline(vectorizer, regression),
        initial_types=[("text", StringTensorType([None, 1]))],
        options={
            LogisticRegression: {"zipmap": False, "raw_scores": True},
            TfidfVectorizer: {"tokenexp": pattern_in_graph},
        },
    )
    scores = regression.decision_function(judged)
    if binary := scores.ndim == 1:
        scores = np.stack([-scores / 2, scores / 2], axis=1)
    _keep_logits(model, binary)
    _check(model, scores, judged_on)
    onnx.save(model, target)
    return {
        "inverse_penalty": best,
        "inverse_penalties_tried": {str(penalty): loss for penalty, (loss, _) in tried.items()},
        "parameters": int(regression.coef_.size + regression.intercept_.size),
        "rows": len(train),
    }


def words_of(texts: list[str]) -> tuple[str, str]:
    """The regular expressions for the words of these texts: scikit-learn's, and the graph's."""
    letters = [character for text in texts[:_SAMPLE] for character in text if character.isalpha()]
    other = sum(not letter.isascii() for letter in letters)
    return _OTHER_SCRIPTS if other > _MOST_OTHER * len(letters) else (_LATIN, _LATIN)


def _keep_logits(model: onnx.ModelProto, binary: bool) -> None:
    """Keep only the output of logits, under the name that every classifier uses.

    For two classes, the graph returns the negative score and the score. Their softmax would be too
    confident, so the logits are half of them.
    """
    scores = model.graph.output[1].name
    del model.graph.output[0]
    model.graph.output[0].name = "logits"
    if binary:
        half = numpy_helper.from_array(np.array([0.5], np.float32), "half")
        model.graph.initializer.append(half)
        model.graph.node.append(helper.make_node("Mul", [scores, "half"], ["logits"]))
        return
    for node in model.graph.node:
        node.output[:] = ["logits" if name == scores else name for name in node.output]


def _check(model: onnx.ModelProto, expected: np.ndarray, texts: list[str]) -> None:
    """Raise PipelineError unless the graph's logits are ``expected``, (texts, classes)."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    # A thousand texts at a time: the graph makes dense rows of the whole vocabulary.
    parts = np.array_split(np.array(texts, dtype=object)[:, None], 1 + len(texts) // 1000)
    actual = np.concatenate([session.run(["logits"], {"text": part})[0] for part in parts])
    largest = float(np.abs(actual - expected).max())
    if not largest <= TOLERANCE:
        raise PipelineError(
            f"The graph's logits differ from scikit-learn's by {largest:.2g}; "
            f"{TOLERANCE:g} is allowed."
        )
