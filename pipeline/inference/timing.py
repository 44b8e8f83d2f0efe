"""How long a model takes for one text on this machine: the median of many noisy calls."""

import time
from collections.abc import Sequence
from statistics import median

from pipeline.inference.classifier import Classifier

_WARM_UP = 3


def median_milliseconds(classifier: Classifier, texts: Sequence[str], seconds: float) -> float:
    """The median time, in milliseconds, to classify one text alone with the model's threads.

    Args:
        classifier: the model.
        texts: at least one text; each is timed at most once. The first ones also warm up the model.
        seconds: time limit without the warm-up. The call that exceeds it is still finished.
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
