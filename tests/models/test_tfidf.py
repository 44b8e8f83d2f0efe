"""TF-IDF with logistic regression: the graph is scikit-learn's model, vocabulary and all."""

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from pipeline.data import data_sets
from pipeline.data.data_sets import Split
from pipeline.errors import PipelineError
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


WORDS = {
    "English": (("good", "fine"), ("bad", "poor")),
    "Arabic": (("جيد", "حسن"), ("سيئ", "رديء")),
    "German": (("schön", "größer"), ("übel", "ärger")),
}


@pytest.mark.parametrize("language", WORDS)
def test_two_classes_in_any_script(tmp_path, language):
    """For two classes, scikit-learn has one score; the graph has it and its opposite."""
    words = WORDS[language]
    texts = [f"{words[row % 2][row % 3 % 2]} {words[row % 2][0]} n{row}" for row in range(40)]
    rows = Split(texts, np.arange(40) % 2, np.arange(40))
    tfidf.fit(rows, rows, TfIdf((10.0,)), tmp_path / GRAPH)
    encoders.write_lowercase(tmp_path, labels=("a", "b"))
    pattern, _ = tfidf.words_of(texts)
    vectorizer = TfidfVectorizer(
        token_pattern=pattern, ngram_range=(1, 2), min_df=2, dtype=np.float32
    )
    features = vectorizer.fit_transform(texts)
    assert {words[0][0], words[1][0]} <= set(vectorizer.get_feature_names_out())
    regression = LogisticRegression(C=10.0, max_iter=300).fit(features, rows.labels)
    found = Classifier(tmp_path).predict_proba(texts)
    np.testing.assert_allclose(found, regression.predict_proba(features), atol=1e-4)
    assert (found.argmax(axis=1) == rows.labels).all()


def test_texts_that_share_no_word_are_refused_in_one_line(tmp_path):
    rows = Split([f"word{row}" for row in range(6)], np.arange(6) % 2, np.arange(6))
    with pytest.raises(PipelineError, match="no word that 2 training texts share"):
        tfidf.fit(rows, rows, TfIdf((10.0,)), tmp_path / GRAPH)
