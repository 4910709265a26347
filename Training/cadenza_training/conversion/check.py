"""Runs a converted file through the engine, beside the original's own arithmetic.

Only what a host can do is used: samples are primed, predictions are read off `generate` where the
network predicts a sample, off `score` where it predicts a softmax.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from tqdm import tqdm

from cadenza_training import mu_law
from cadenza_training.conversion.rtneural import number_array
from cadenza_training.engine import Condition, Engine, Model, Stream
from cadenza_training.errors import UserError

Array = NDArray[np.float64]

# Each condition's value at every step, by name: [steps] classes or [steps, size] numbers.
ConditionValues = Mapping[str, NDArray]

# The sequence and the conditions' values → what the original predicts after each step.
Prediction = Callable[[NDArray, ConditionValues], Array]

# Random inputs come in short runs, each from the beginning: far from its data a trained network can
# be chaotic, and any two ways of rounding then part within a hundred steps.
RUNS = 12
STEPS_A_RUN = 16

# Single precision over some hundred products and two dozen layers stays below both.
LINEAR_TOLERANCE = 1e-5
SOFTMAX_TOLERANCE = 1e-4
# At the end of so many runs the whole distribution is compared, over at most so many tokens.
WHOLE_DISTRIBUTIONS = 4
MOST_TOKENS = 512


@dataclass(frozen=True)
class CheckResult:
    compared: int
    largest: float  # |engine - original| / max(1, |original|)
    worst_step: int  # where that was, from 0 in its sequence
    what: str
    clipped: int  # predictions beyond -1 … 1 of the engine's samples


class Comparison:
    """The largest difference so far."""

    def __init__(self) -> None:
        self.clipped = 0
        self._compared = 0
        self._largest = 0.0
        self._worst_step = 0

    def add(self, step: int, actual: float, expected: float) -> None:
        difference = abs(actual - expected) / max(1.0, abs(expected))
        self._compared += 1
        # Written this way round, a NaN is the largest of all and stays so.
        if not difference <= self._largest and self._largest == self._largest:
            self._largest, self._worst_step = difference, step

    def result(self, what: str) -> CheckResult:
        return CheckResult(self._compared, self._largest, self._worst_step, what, self.clipped)


def read_series(path: Path, columns: int | None = None) -> NDArray:
    """One sequence from `.npy` or a text file, numbers in rows: [steps] or [steps, columns]."""
    try:
        if path.suffix == ".npy":
            series = np.load(path, allow_pickle=False)
        elif path.suffix == ".json":
            series = number_array(str(path), path.read_text(encoding="utf-8"))
        else:
            series = np.loadtxt(path, delimiter="," if path.suffix == ".csv" else None, ndmin=1)
        series = np.asarray(series, dtype=np.float64)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (OSError, TypeError, ValueError) as error:
        raise UserError(f"{path} cannot be read as numbers: {error}") from error
    if series.ndim == 2 and series.shape[1] == 1:
        series = series[:, 0]
    in_a_row = () if columns in (None, 1) else (columns,)
    if series.shape != (len(series), *in_a_row) or not np.isfinite(series).all() or not series.size:
        raise UserError(
            f"{path} holds an array of shape {list(series.shape)}; expected finite numbers, one "
            f"row a step{f', {columns} a row' if in_a_row else ''}"
        )
    return series


def check_linear(
    path: Path, prediction: Prediction, scale: float, inputs: Array | None, seed: int = 0
) -> CheckResult:
    """`inputs` in the original's own units, `scale` of them being the engine's 1.0."""
    random = np.random.default_rng(seed)
    if inputs is None:
        runs = list(scale * random.uniform(-1.0, 1.0, (RUNS, STEPS_A_RUN)))
    else:
        runs = [inputs]
        reach = np.abs(inputs).max()
        if reach > scale:
            raise UserError(
                f"the inputs reach {reach:g}, and the engine's samples -1 … 1: convert with "
                f"--scale {2.0 ** np.ceil(np.log2(reach)):g}, by which the original's values are "
                "then divided"
            )
    comparison = Comparison()
    with Engine().load(path) as model, model.stream(temperature=0.0) as stream:
        for run in tqdm(runs, desc="checking", unit="run", leave=False, disable=len(runs) == 1):
            samples = (run / scale).astype(np.float32)
            stream.reset()
            conditions = _set_random_conditions(model, stream, random, len(samples))
            expected = prediction(samples.astype(np.float64) * scale, conditions)[:, 0]
            for step, actual in enumerate(_predictions(stream, samples)):
                comparison.add(step, actual * scale, np.clip(expected[step], -scale, scale))
            comparison.clipped += int((np.abs(expected) > scale).sum())
    return comparison.result("predictions")


def check_softmax(
    path: Path, prediction: Prediction, levels: int, inputs: NDArray | None, seed: int = 0
) -> CheckResult:
    """`inputs` are tokens."""
    random = np.random.default_rng(seed)
    if inputs is None:
        runs = list(random.integers(levels, size=(RUNS, STEPS_A_RUN)))
    else:
        if (inputs != np.floor(inputs)).any() or inputs.min() < 0 or inputs.max() >= levels:
            raise UserError(f"the inputs are not whole tokens 0 … {levels - 1}")
        if len(inputs) < 2:
            raise UserError("the inputs hold one token; expected two, to predict one from another")
        runs = [inputs.astype(np.int64)]
    samples = symbol_samples(levels)
    shown = np.arange(levels)
    if levels > MOST_TOKENS:
        shown = random.choice(levels, MOST_TOKENS, replace=False)
    comparison = Comparison()
    with Engine().load(path) as model, model.stream() as stream:
        for number, tokens in enumerate(tqdm(runs, desc="checking", unit="run", leave=False)):
            stream.reset()
            conditions = _set_random_conditions(model, stream, random, len(tokens))
            expected = log_softmax(prediction(tokens, conditions), axis=1)
            # The first token has no past in the original: nothing predicts it.
            stream.prime(samples[tokens[:1]])
            for step in range(1, len(tokens)):
                if number < WHOLE_DISTRIBUTIONS and step == len(tokens) - 1:
                    state = stream.save_state()
                    for token in shown:
                        actual = -stream.score(samples[token : token + 1])
                        comparison.add(step, actual, expected[step - 1, token])
                        stream.load_state(state)
                token = tokens[step]
                actual = -stream.score(samples[token : token + 1])
                comparison.add(step, actual, expected[step - 1, token])
    return comparison.result("log-probabilities in nats")


def symbol_samples(levels: int) -> NDArray[np.float32]:
    """The sample that stands for each token; the engine's codec takes it back to that token."""
    samples = mu_law.decode(np.arange(levels), levels).astype(np.float32)
    assert (mu_law.encode(samples, levels) == np.arange(levels)).all()
    return samples


def _predictions(stream: Stream, samples: NDArray[np.float32]) -> Iterator[float]:
    steps = range(len(samples))
    for step in tqdm(steps, desc="checking", unit="step", leave=False, disable=len(steps) < 100):
        stream.prime(samples[step : step + 1])
        # Generating would feed the prediction back: the past is put back as it was.
        state = stream.save_state()
        yield float(stream.generate(1)[0])
        stream.load_state(state)


def _set_random_conditions(
    model: Model, stream: Stream, random: np.random.Generator, steps: int
) -> dict[str, NDArray]:
    """Sets every condition to a random value, and returns what it is at every step."""
    values = {}
    for condition in model.conditions:
        value = _random_value(condition, random)
        stream.set_condition(condition.name, value)
        values[condition.name] = np.array([value] * steps)
    return values


def _random_value(condition: Condition, random: np.random.Generator) -> int | list[float]:
    if condition.kind == "class":
        return int(random.integers(condition.size))
    # Rounded as the engine takes them.
    return random.uniform(-1.0, 1.0, condition.size).astype(np.float32).tolist()
