"""TF-IDF with logistic regression: the graph is scikit-learn's model, vocabulary and all."""

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from pipeline.data import data_sets
from pipeline.inference import encoders
from pipeline.inference.classifier import Classifier
from pipeline.inference.graph import GRAPH
from pipeline.models import tfidf
from pipeline.recipes.training_settings import TfIdf

PENALTIES = (0.001, 10.0)


@pytest.fixture(scope="module")
def corpus():
    return data_sets.load(toy=True)


@pytest.fixture(scope="module")
def fitted(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfidf")
    shape = TfIdf(PENALTIES)
    record = tfidf.fit(corpus.train, corpus.validation, shape, folder / GRAPH)
    encoders.write_lowercase(folder, labels=data_sets.LABELS)
    return folder, record


def test_it_answers_as_scikit_learn_does(corpus, fitted):
    folder, record = fitted
    vectorizer = TfidfVectorizer(
        token_pattern="[a-zA-Z0-9_]+", ngram_range=(1, 2), min_df=2, dtype=np.float32
    )
    features = vectorizer.fit_transform(corpus.train.texts)
    regression = LogisticRegression(C=10.0, max_iter=300).fit(features, corpus.train.labels)
    texts = [*corpus.test.texts, "", "--- !?", "Zürich’s CAFÉ, naïve — 日本", "\u0130STANBUL"]
    expected = regression.predict_proba(vectorizer.transform(texts))
    np.testing.assert_allclose(Classifier(folder).predict_proba(texts), expected, atol=1e-4)
    assert record["parameters"] == regression.coef_.size + 4
    assert record["rows"] == len(corpus.train)


def test_the_penalty_with_the_lowest_loss_on_validation_is_kept(corpus, fitted):
    folder, record = fitted
    assert set(record["inverse_penalties_tried"]) == {str(penalty) for penalty in PENALTIES}
    assert record["inverse_penalty"] == 10.0
    probabilities = Classifier(folder).predict_proba(corpus.validation.texts)
    rows = np.arange(len(probabilities))
    loss = -np.log(probabilities[rows, corpus.validation.labels]).mean()
    assert record["inverse_penalties_tried"]["10.0"] == pytest.approx(loss, rel=1e-4)
    assert loss < record["inverse_penalties_tried"]["0.001"] < -log_softmax(np.zeros(4))[0] * 1.01
