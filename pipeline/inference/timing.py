"""How long a model takes for one text on this machine: the median of many, not one noisy call."""

import time
from collections.abc import Sequence
from statistics import median

from pipeline.inference.classifier import Classifier

_WARM_UP = 3


def median_milliseconds(classifier: Classifier, texts: Sequence[str], seconds: float) -> float:
    """Milliseconds of one text, asked alone on all threads: the median.

    Args:
        classifier: the model.
        texts: are asked in turn, each at most once; at least one.
        seconds: the time that this takes at most, but for the first texts and one more.
    """
    for text in texts[:_WARM_UP]:
        classifier.predict_proba([text])
    times: list[float] = []
    started = time.perf_counter()
    for text in texts:
        before = time.perf_counter()
        classifier.predict_proba([text])
        after = time.perf_counter()
        times.append(1e3 * (after - before))
        if after - started > seconds:
            break
    return median(times)
