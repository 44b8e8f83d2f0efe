"""The server's API in the test's own process: answers, errors as one sentence, limits."""

import threading
import time

import numpy as np
import pytest
from starlette.testclient import TestClient

from pipeline.deployment import api, schema, served_models
from pipeline.deployment.batching import BatchQueue
from pipeline.errors import PipelineError
from pipeline.inference.classifier import Classifier
from pipeline.inference.graph import MAX_CHARACTERS
from pipeline.results import storage
from tests import synthetic

LABELS = ["World", "Sports", "Business", "Sci/Tech"]
JSON = {"Content-Type": "application/json"}
TEXTS = ["the coach scored a goal", "shares and profit", "a comet", "election", "nothing known"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return synthetic.write_run(tmp_path_factory.mktemp("served") / "cache")


@pytest.fixture(scope="module")
def client(run):
    """A client of an application with both models of a run."""
    models = served_models.choose([run])
    app = api.make_app(models, BatchQueue(models.predict_proba, 2, bound=schema.MAX_TEXTS))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_every_text_has_a_list_of_its_classes(client, run):
    for role in ("minilm", "tiny-int8"):
        answer = client.post(f"/models/{role}", json={"inputs": TEXTS})
        assert answer.status_code == 200, answer.text
        expected = Classifier(run.artifact(role)).predict_proba(TEXTS)
        for found, row in zip(answer.json(), expected, strict=True):
            assert [one["label"] for one in found] == [
                LABELS[place] for place in np.argsort(-row, kind="stable")
            ]
            given = {one["label"]: one["score"] for one in found}
            np.testing.assert_allclose([given[name] for name in LABELS], row, atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "classes"),
    [({}, 4), ({"top_k": 1}, 1), ({"top_k": 3}, 3), ({"top_k": 99}, 4), ({"top_k": None}, 4)],
)
def test_one_text_is_a_list_of_one(client, parameters, classes):
    answer = client.post("/", json={"inputs": TEXTS[0], "parameters": parameters}).json()
    assert [len(found) for found in answer] == [classes]
    assert answer[0][0]["label"] == "Sports"


def test_half_a_character_is_classified_as_any_text(client):
    answer = client.post("/", content='{"inputs": "goal \\ud800"}', headers=JSON)
    assert answer.json()[0][0]["label"] == "Sports"


def test_the_recommended_model_answers_at_the_root(client):
    (recommended,) = [m["role"] for m in client.get("/models").json() if m["recommended"]]
    other = {"minilm": "tiny-int8", "tiny-int8": "minilm"}[recommended]
    # tiny-int8 knows no word of Business, so the two models differ.
    question = {"inputs": "shares profit"}
    answers = {
        path: client.post(path, json=question).json()
        for path in ("/", f"/models/{recommended}", f"/models/{other}")
    }
    assert answers["/"] == answers[f"/models/{recommended}"] != answers[f"/models/{other}"]


def test_the_models_and_the_state_are_told(client):
    models = {model.pop("role"): model for model in client.get("/models").json()}
    assert set(models) == {"minilm", "tiny-int8"}
    assert models["tiny-int8"]["labels"] == LABELS
    assert models["tiny-int8"]["size_mb"] == 17.6
    assert client.get("/health").json() == {"status": "ok", "waiting": 0, "bound": schema.MAX_TEXTS}


def test_the_documentation_needs_no_other_host(client):
    page = client.get("/docs")
    assert page.status_code == 200
    assert "https://" not in page.text
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == {"/", "/models/{role}", "/models", "/health"}
    answers = described["paths"]["/models/{role}"]["post"]["responses"]
    assert set(answers) == {"200", "400", "404", "413", "422", "500", "503"}


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/", "{", 422, "the body is no JSON: "),
        ("/", "", 422, 'send {"inputs": "…"} as JSON'),
        ("/", "[]", 422, 'send {"inputs": "…"} as JSON'),
        ("/", b'{"inputs": "\xff"}', 400, "no JSON that can be read"),
        ("/", "[" * 100_000, 400, "no JSON that can be read"),
        ("/", '{"parameters": {}}', 422, "inputs is a text or a list of texts"),
        ("/", '{"inputs": 5}', 422, "inputs is a text or a list of texts"),
        ("/", '{"inputs": ["a", null]}', 422, "inputs is a text or a list of texts"),
        ("/", '{"inputs": []}', 422, "inputs is an empty list"),
        ("/", '{"inputs": "  "}', 422, "inputs is blank"),
        ("/", '{"inputs": ["a", "\\n"]}', 422, "inputs[1] is blank"),
        ("/", '{"inputs": "a", "input": "b"}', 422, "input is not known; there are inputs"),
        (
            "/",
            '{"inputs": "a", "parameters": {"topk": 1}}',
            422,
            "parameters.topk is not known; there are top_k",
        ),
        ("/", '{"inputs": "a", "parameters": {"top_k": 0}}', 422, "top_k is a whole number"),
        ("/", '{"inputs": "a", "parameters": {"top_k": true}}', 422, "top_k is a whole number"),
        ("/", '{"inputs": "a", "parameters": 1}', 422, "parameters is an object"),
        (
            "/",
            '{"inputs": "a", "parameters": {"function_to_apply": "none"}}',
            422,
            "function_to_apply is softmax",
        ),
        ("/models/teacher", '{"inputs": "a"}', 404, "no model 'teacher' here; there are minilm"),
        ("/nowhere", '{"inputs": "a"}', 404, "no such address"),
        ("/health", '{"inputs": "a"}', 405, "POST is not for this address"),
    ],
)
def test_what_can_not_be_answered_is_one_sentence(client, path, body, status, error):
    answer = client.post(path, content=body, headers=JSON)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert error in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_what_is_no_json_by_its_header_is_refused(client):
    """A page of another site can send plain text here without CORS permission, but not JSON."""
    for header in ({"Content-Type": "text/plain"}, {}):
        answer = client.post("/", content='{"inputs": "a"}', headers=header)
        assert answer.status_code == 422
        assert "application/json" in answer.json()["error"]


def test_more_than_the_limits_is_refused(client):
    most = {"inputs": ["a"] * schema.MAX_TEXTS}
    assert len(client.post("/", json=most).json()) == schema.MAX_TEXTS
    longest = {"inputs": "a" * MAX_CHARACTERS}
    assert client.post("/", json=longest).status_code == 200
    for question, status, error in [
        ({"inputs": ["a"] * (schema.MAX_TEXTS + 1)}, 422, "inputs has 1,001 texts"),
        ({"inputs": "a" * (MAX_CHARACTERS + 1)}, 422, "inputs has 10,001 characters"),
        ({"inputs": ["a", "b" * 20_000]}, 422, "inputs[1] has 20,000 characters"),
        ({"inputs": "a" * 5_000_000}, 413, "more than 4 MB"),
    ]:
        answer = client.post("/", json=question)
        assert (answer.status_code, list(answer.json())) == (status, ["error"])
        assert error in answer.json()["error"]
    # A body without Content-Length is refused, too.
    answer = client.post("/", content=(b"a" * 1_000_000 for _ in range(5)), headers=JSON)
    assert (answer.status_code, list(answer.json())) == (413, ["error"])


def test_a_full_queue_says_when_to_come_again(run):
    opened = threading.Event()
    models = served_models.choose([run])

    def classify(role, texts):
        assert opened.wait(30)
        return models.predict_proba(role, texts)

    queue = BatchQueue(classify, 1, bound=10)
    with TestClient(api.make_app(models, queue)) as client:
        waiting = [queue.submit("minilm", ["goal"])]
        while queue.waiting:  # until the only worker has taken it
            time.sleep(0.001)
        waiting.append(queue.submit("minilm", ["goal"] * 8))
        answer = client.post("/", json={"inputs": ["a"] * 10})
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert "too many texts wait" in answer.json()["error"]
        opened.set()
        assert [one.result(30).shape for one in waiting] == [(1, 4), (8, 4)]
        assert client.post("/", json={"inputs": ["a"] * 10}).status_code == 200


def test_a_failure_is_no_trace_and_the_server_lives(run, monkeypatch):
    models = served_models.choose([run])
    queue = BatchQueue(models.predict_proba, 1, bound=10)
    with TestClient(api.make_app(models, queue), raise_server_exceptions=False) as client:
        with monkeypatch.context() as broken:
            broken.setattr(Classifier, "predict_proba", lambda *_: 1 / 0)
            answer = client.post("/", json={"inputs": "a"})
            assert answer.status_code == 500
            assert answer.json() == {"error": "the model failed; the server's log says how"}
        assert client.post("/", json={"inputs": "a"}).status_code == 200


def test_a_model_that_can_not_be_loaded_is_named(tmp_path):
    run = synthetic.write_run(tmp_path / "cache")
    models = served_models.choose([run])
    (run.artifact("minilm") / "model.onnx").write_bytes(b"no graph")
    queue = BatchQueue(models.predict_proba, 1, bound=10)
    with TestClient(api.make_app(models, queue), raise_server_exceptions=False) as client:
        answer = client.post("/models/minilm", json={"inputs": "a"})
        assert answer.status_code == 500
        assert "holds no model that can be loaded" in answer.json()["error"]
        assert client.post("/models/tiny-int8", json={"inputs": "a"}).status_code == 200


# --- which models ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    cache = tmp_path_factory.mktemp("runs") / "cache"
    both = ("teacher", "minilm", "tiny-int8", "tiny-baseline")
    synthetic.write_run(cache, "a", roles=both, at_hand=both[1:])
    synthetic.write_run(cache, "b", roles=both, at_hand=("tiny-baseline",))
    synthetic.write_run(cache, "c", roles=both, at_hand=())
    return storage.list_runs(cache)[0]


@pytest.mark.parametrize(
    ("names", "roles", "run", "served"),
    [
        ("a", None, "a", ["minilm", "tiny-int8", "tiny-baseline"]),
        ("ac", None, "a", ["minilm", "tiny-int8", "tiny-baseline"]),
        ("ab", None, "a", ["minilm", "tiny-int8", "tiny-baseline"]),
        ("abc", ["minilm"], "a", ["minilm"]),
        ("ab", ["tiny-baseline", "minilm"], "a", ["minilm", "tiny-baseline"]),
        ("b", None, "b", ["tiny-baseline"]),
    ],
)
def test_the_run_that_has_the_models_is_served(runs, names, roles, run, served):
    models = served_models.choose([one for one in runs if one.name in names], roles)
    assert (models.run.name, list(models.folders)) == (run, served)
    assert models.recommended in served
    if "minilm" in served:
        assert models.recommended != "tiny-baseline"  # it is only for comparison


@pytest.mark.parametrize(
    ("names", "roles", "message"),
    [
        ("c", None, "no run has a model installed"),
        ("abc", ["minilm", "teacher"], "no run has all of minilm, teacher"),
    ],
)
def test_what_can_not_be_served_is_said(runs, names, roles, message):
    with pytest.raises(PipelineError, match=message):
        served_models.choose([one for one in runs if one.name in names], roles)


def test_a_model_with_other_class_names_is_refused(tmp_path):
    run = synthetic.write_run(tmp_path / "cache")
    settings = run.artifact("minilm") / "classifier.json"
    settings.write_text(settings.read_text().replace("World", "Welt"))
    with pytest.raises(PipelineError, match="minilm has the labels 'Welt'"):
        served_models.choose([run])
