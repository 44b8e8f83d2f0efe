"""Pure functions: temperature scaling of a model's confidence, and how much it improves."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import special

from pipeline.analysis import calibration, metrics
from pipeline.analysis.metrics import CALIBRATION_BINS, CONFIDENCE

TEMPERATURES = (0.05, 20.0)
"""The range of the search for the best temperature; a result near an end means none was found."""


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The temperature whose scaled probabilities fit the labels best (Guo et al., 2017).

    It minimises the mean negative log-likelihood, which is convex in 1/T. Fit it on other rows
    than those that it is evaluated on.

    Args:
        labels: shape (n,), n at least 1.
        probabilities: shape (n, k).

    Returns:
        T within ``TEMPERATURES``: above 1 the model is overconfident, below 1 underconfident.
    """
    from scipy import optimize  # slow to import, and only one page needs it

    logits, labels = _logits(probabilities), np.asarray(labels)
    given = logits[np.arange(len(labels)), labels]

    def loss(log_temperature: float) -> float:
        inverse = np.exp(-log_temperature)
        return float(np.mean(special.logsumexp(inverse * logits, axis=1) - inverse * given))

    low, high = np.log(TEMPERATURES)
    best = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded")
    return float(np.exp(best.x))


def is_at_bound(temperature: float) -> bool:
    """Whether the rows determine no temperature, for example because all of them are right."""
    low, high = TEMPERATURES
    return not 2 * low < temperature < high / 2  # the loss is flat near an end


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities after dividing the logits by a temperature; float64 of shape (n, k).

    Logits are recovered as ln(p). They differ from the true ones by one constant per row, which
    softmax ignores. The order of a row's classes does not change, so accuracy does not either.
    """
    return special.softmax(_logits(probabilities) / temperature, axis=1)


def temperature_table(
    labels: np.ndarray,
    probabilities: Mapping[str, np.ndarray],
    validation_labels: np.ndarray,
    validation: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """Calibration on test, without and with a temperature that is fitted on validation.

    Args:
        labels: of the test rows, shape (n,).
        probabilities: on test by role, shape (n, k).
        validation_labels: of the validation rows, shape (v,). If v is 0, nothing is fitted.
        validation: probabilities on validation by role, shape (v, k).

    Returns:
        One row per role. Columns without the temperature: ``overconfidence`` (mean confidence less
        accuracy), ``ece``, ``nll``. With it: ``temperature``, ``ece_scaled``, ``nll_scaled``, and
        the changes ``ece_change`` and ``nll_change`` (negative: better). These are NaN if nothing
        is fitted. All but the temperature have the ends of their 95 % interval in columns with the
        suffixes ``_low`` and ``_high``. ``ece_chance`` and ``ece_scaled_chance``: see
        ``calibration.ece_by_chance``. ECE is a share in 0..1, NLL in nats per row.
    """
    fitted: dict[str, float] = {}
    answers: list[np.ndarray] = []
    for role, given in probabilities.items():
        fitted[role] = np.nan
        if len(validation_labels):
            fitted[role] = fit_temperature(validation_labels, validation[role])
        scaled = scale(given, fitted[role]) if np.isfinite(fitted[role]) else given
        answers += [given, scaled]
    drawn = calibration.ece_draws(labels, answers)
    rows = []
    for number, role in enumerate(probabilities):
        given, scaled = answers[2 * number : 2 * number + 2]
        before, after = drawn[:, 2 * number], drawn[:, 2 * number + 1]
        confidence, correct, _ = calibration.confidences(labels, given, CALIBRATION_BINS)
        row = {"temperature": fitted[role]}
        row |= _mean("overconfidence", confidence - correct)
        row |= _ece(labels, given, "ece") | _ece(labels, scaled, "ece_scaled")
        change = row["ece_scaled"] - row["ece"]
        row |= _with_interval(
            "ece_change", change, calibration.basic_interval(change, after - before)
        )
        losses, scaled_losses = _losses(labels, given), _losses(labels, scaled)
        row |= _mean("nll", losses) | _mean("nll_scaled", scaled_losses)
        row |= _mean("nll_change", scaled_losses - losses)
        if not np.isfinite(fitted[role]):
            row |= {name: np.nan for name in row if "scaled" in name or "change" in name}
        rows.append({"role": role, **row})
    return pd.DataFrame(rows)


def _logits(probabilities: np.ndarray) -> np.ndarray:
    # A probability too small for float32 is stored as 0, whose logarithm is not finite.
    tiny = np.finfo(np.float32).tiny
    return np.log(np.clip(np.asarray(probabilities, np.float64), tiny, None))


def _losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Each row's -ln(probability of the true class): see ``metrics.negative_log_likelihood``."""
    given = np.asarray(probabilities, np.float64)[np.arange(len(labels)), labels]
    return -np.log(np.clip(given, np.finfo(np.float32).eps, 1.0))


def _ece(labels: np.ndarray, probabilities: np.ndarray, name: str) -> dict[str, float]:
    estimate = metrics.expected_calibration_error(labels, probabilities)
    interval = calibration.ece_interval(labels, probabilities)
    return _with_interval(name, estimate, interval) | {
        f"{name}_chance": calibration.ece_by_chance(probabilities)
    }


def _mean(name: str, values: np.ndarray) -> dict[str, float]:
    """A mean with its normal 95 % interval; with so many rows, a t interval is the same."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    reach = special.ndtri((1 + CONFIDENCE) / 2) * error
    mean = float(values.mean())
    return _with_interval(name, mean, (mean - reach, mean + reach))


def _with_interval(name: str, value: float, interval: tuple[float, float]) -> dict[str, float]:
    return {name: float(value), f"{name}_low": interval[0], f"{name}_high": interval[1]}
