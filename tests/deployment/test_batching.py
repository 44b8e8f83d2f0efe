"""The queue behind the server: batches, order, bound, failures, and an orderly end."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pipeline.deployment.batching import BatchQueue, QueueFullError, alike
from pipeline.inference.graph import BATCH_SIZE


def of(model, texts):
    """An answer that identifies its text: the length of the model's name, the text's number."""
    return np.array([[len(model), int(text.split()[0])] for text in texts], np.float32)


@pytest.fixture
def queue():
    """Makes a queue, which is closed at the end."""
    made = []

    def make(classify=of, workers=2, bound=10_000, measure=None):
        made.append(BatchQueue(classify, workers, bound, measure))
        return made[-1]

    yield make
    for one in made:
        one.close()


class Gate:
    """A model that holds every batch back until the gate is opened, and records the batches."""

    def __init__(self):
        self.opened, self.batches = threading.Event(), []

    def __call__(self, model, texts):
        self.batches.append((model, texts))
        assert self.opened.wait(30)
        return of(model, texts)

    def hold(self, queue, workers=1):
        """Keep every worker busy with a text of its own."""
        held = []
        for number in range(workers):
            held.append(queue.submit("held", ["0"]))
            until = time.monotonic() + 10
            while len(self.batches) <= number and time.monotonic() < until:
                time.sleep(0.001)
        return held


def test_many_clients_get_their_own_answers(queue):
    waiting = queue(workers=3)

    def ask(client):
        for size in (1, 7, 100):
            texts = [f"{1000 * client + n} {'x' * (n * 37 % 90)}" for n in range(size)]
            model = "ab"[client % 2] * (1 + client % 2)
            answer = waiting.submit(model, texts).result(30)
            np.testing.assert_array_equal(answer, of(model, texts))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(16)))
    assert waiting.waiting == 0


def test_requests_share_batches_of_one_model(queue):
    gate = Gate()
    waiting = queue(gate, workers=1)
    gate.hold(waiting)
    asked = [waiting.submit("a", [f"{n}"]) for n in range(BATCH_SIZE + 2)]
    other = waiting.submit("b", ["7"])
    gate.opened.set()
    assert [answer.result(10)[0, 1] for answer in asked] == list(range(BATCH_SIZE + 2))
    assert other.result(10)[0, 1] == 7
    assert [(model, len(texts)) for model, texts in gate.batches[1:]] == [
        ("a", BATCH_SIZE),
        ("a", 2),
        ("b", 1),
    ]


def test_few_texts_are_shared_between_the_workers(queue):
    gate = Gate()
    waiting = queue(gate, workers=2)
    gate.hold(waiting, workers=2)
    answer = waiting.submit("a", [str(n) for n in range(8)])
    gate.opened.set()
    answer.result(10)
    assert max(len(texts) for model, texts in gate.batches if model == "a") == 4


@pytest.mark.parametrize(
    ("lengths", "most", "chosen"),
    [
        ([50], 32, [0]),
        ([50, 50, 50], 2, [0, 1]),
        ([100, 900, 109, 101, 99, 10], 32, [0, 3, 4, 2]),
        ([100, 900, 109, 101, 99, 10], 2, [0, 3]),
        ([3, 5, 6], 32, [0, 1]),  # a few tokens do not matter
        ([900, 100, 100], 32, [0]),  # the oldest goes first, even alone
    ],
)
def test_a_batch_is_the_oldest_text_and_those_of_its_length(lengths, most, chosen):
    assert alike(dict(enumerate(lengths)), most) == chosen


def test_lengths_are_the_models(queue):
    def measure(model, texts):
        if model == "broken":
            raise ValueError("no such graph")
        return [int(text) for text in texts]

    gate = Gate()
    waiting = queue(gate, workers=1, measure=measure)
    gate.hold(waiting)
    answers = [waiting.submit("a", ["100", "7", "99"]), waiting.submit("broken", ["1", "2"])]
    gate.opened.set()
    assert [len(answer.result(10)) for answer in answers] == [3, 2]
    assert [texts for _, texts in gate.batches[1:]] == [["100", "99"], ["7"], ["1", "2"]]


def test_beyond_the_bound_nothing_is_queued(queue):
    gate = Gate()
    waiting = queue(gate, workers=1, bound=10)
    gate.hold(waiting)
    first = waiting.submit("a", ["1"] * 8)
    with pytest.raises(QueueFullError, match=r"try again in \d+ s") as caught:
        waiting.submit("a", ["1"] * 3)
    assert 1 <= caught.value.retry_after <= 60
    assert waiting.waiting == 8
    fits = waiting.submit("a", ["1"] * 2)
    gate.opened.set()
    assert len(first.result(10)) + len(fits.result(10)) == 10


def test_a_failure_reaches_those_who_asked_and_nobody_else(queue):
    def classify(model, texts):
        if model == "broken":
            raise ValueError("no such graph")
        return of(model, texts)

    waiting = queue(classify)
    failing = [waiting.submit("broken", ["1"] * 100) for _ in range(3)]
    for answer in failing:
        with pytest.raises(ValueError, match="no such graph"):
            answer.result(10)
    assert waiting.submit("whole", ["5"]).result(10)[0, 1] == 5


def test_what_is_cancelled_is_not_classified(queue):
    gate = Gate()
    waiting = queue(gate, workers=1)
    gate.hold(waiting)
    given_up, kept = waiting.submit("a", ["1"] * 40), waiting.submit("a", ["2"])
    assert given_up.cancel()
    gate.opened.set()
    assert kept.result(10)[0, 1] == 2
    assert [texts for model, texts in gate.batches if model == "a"] == [["2"]]


def test_closing_finishes_what_waits_and_takes_no_more():
    gate = Gate()
    waiting = BatchQueue(gate, 2, 1000)
    gate.hold(waiting, workers=2)
    answer = waiting.submit("a", ["3"] * 100)
    closing = threading.Thread(target=waiting.close)
    closing.start()
    while True:  # until it is closed
        try:
            waiting.submit("a", ["4"])
        except RuntimeError:
            break
        time.sleep(0.001)
    assert not answer.done()
    gate.opened.set()
    closing.join(10)
    assert not closing.is_alive()
    assert len(answer.result(0)) == 100
