"""The whole evaluation of generated sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cadenza_training import mu_law
from cadenza_training.evaluation import likelihood as likelihoods
from cadenza_training.evaluation import paired_signals, pitch_content, plots, reconstruction
from cadenza_training.evaluation.clock import Clock
from cadenza_training.evaluation.frechet_distance import frechet_distance
from cadenza_training.evaluation.kullback_leibler import feature_divergence
from cadenza_training.evaluation.likelihood import Likelihood
from cadenza_training.evaluation.mel_cepstrum import mel_cepstrum
from cadenza_training.evaluation.metric import Metric, MetricKind, NotDefinedError
from cadenza_training.evaluation.model_metadata import (
    is_decoder,
    read_configuration,
    tensors_checksum,
)
from cadenza_training.evaluation.nearest_pairs import write_sound_pairs
from cadenza_training.evaluation.novelty import Novelty, novelty_table
from cadenza_training.evaluation.pitch_tracking import (
    TOLERANCE_CENTS,
    Track,
    median_absolute_cents,
    number_in_tune,
    share_in_tune,
    track,
)
from cadenza_training.evaluation.report import Cell, Evaluation, Table
from cadenza_training.evaluation.sound_files import (
    Sound,
    SoundFolder,
    read_sounds,
    spread,
)
from cadenza_training.evaluation.sound_novelty import PASSAGE_SECONDS, sound_novelty
from cadenza_training.evaluation.sound_onsets import sound_onset_f1

REPORT = "COMP9491 4.2"
NO_MODEL = "no model was named"
NO_LIKELIHOOD = "the model gives no probabilities"
# Of the sounds that are out of tune.
MOST_NAMED = 30


@dataclass(frozen=True)
class SoundOptions:
    output: Path
    model: Path | None = None
    training: SoundFolder | None = None
    # Of each side for the metrics, at even distances over the list.
    most_files: int = 200
    # Of the beginning of every file; None: the whole.
    first_seconds: float | None = None
    # Pairs to write; 0: none.
    nearest: int = 0
    command: str | None = None
    # Other model files, to score beside it.
    beside: tuple[Path, ...] = ()
    # Sounds that are shorter than `first_seconds` are filled up with silence: a decoder's clips are
    # all of one length.
    fills: bool = False


@dataclass(frozen=True)
class _Side:
    """One set's sounds, and what several metrics need of each."""

    sounds: list[Sound]
    cepstra: list[NDArray[np.float64]]

    def frames(self, instrument: str | None = None) -> NDArray[np.float64]:
        chosen = [
            cepstrum
            for sound, cepstrum in zip(self.sounds, self.cepstra, strict=True)
            if instrument is None or sound.file.instrument == instrument
        ]
        return np.concatenate(chosen) if chosen else np.zeros((0, 1))


def evaluate_sounds(
    reference: SoundFolder, generated: SoundFolder, options: SoundOptions
) -> Evaluation:
    clock = Clock()
    with clock("reading and cepstra"):
        played = _side(generated, options, None)
        rate = played.sounds[0].sample_rate
        real = _side(reference, options, rate)
        control = None if options.training is None else _side(options.training, options, rate)
        coded = None if options.model is None else _through_codec(real, options.model)
    with clock("pitch tracking"):
        tracks = {
            name: [track(sound) for sound in tqdm(side.sounds, desc=f"tracking: {name}")]
            for name, side in (("reference", real), ("generated", played))
        }
    metrics = _report_metrics(real, played, control, coded)
    metrics += _pitch_metrics(tracks["reference"], tracks["generated"])
    metrics += _pair_metrics(reference, real.sounds, played.sounds)
    score: Likelihood | None = None
    baselines: dict[str, float] = {}
    if options.model is not None and _has_likelihood(options.model):
        with clock("likelihood"):
            score = likelihoods.score(options.model, reference.files, options.command)
            baselines = _baselines(options.model, reference, options.training)
            for other in options.beside:
                beside = likelihoods.score(other, reference.files, options.command)
                baselines[other.name] = beside.nats_per_sample
    metrics += _likelihood_metrics(score, options.model)
    tables = [_instrument_table(real, played, tracks, score)]
    with clock("reconstruction"):
        metric, rebuilt = _reconstruction(reference, options)
    metrics.append(metric)
    if rebuilt is not None:
        tables += [_report_table(real, played, control), rebuilt.table()]
    elif options.model is not None and is_decoder(read_configuration(options.model)):
        tables.append(_report_table(real, played, control))
    if score is not None:
        tables.append(_likelihood_table(score, baselines))
    with clock("novelty"):
        metric, novelty = _novelty(reference, generated, options, rate)
    metrics.append(metric)
    sentences = []
    if novelty is not None:
        tables.append(novelty_table(novelty))
        sentences.append(novelty.sentence())
        if options.nearest > 0:
            write_sound_pairs(novelty.matches[: options.nearest], options.output / "nearest", rate)
    wrong = [entry for entry in tracks["generated"] if _was_asked(entry) and not entry.is_in_tune]
    if wrong:
        sentences.append(_out_of_tune(wrong))
    with clock("plots"):
        pictures = plots.draw_sounds(real.sounds, played.sounds, options.output)
        counts = [
            pitch_content.pitch_histogram(pitch_content.midi_numbers(_heard(tracks[name])))
            for name in plots.SIDES
        ]
        pictures.append(
            plots.draw_histograms(
                [("MIDI pitch (pYIN)", counts[0], counts[1], 0)],
                options.output / "pitch_histograms.png",
            )
        )
    return Evaluation(
        kind="audio",
        settings=_settings(reference, generated, real, played, options, rate),
        metrics=metrics,
        tables=tables,
        sentences=sentences,
        pictures=pictures,
        seconds=clock.seconds,
    )


def _side(folder: SoundFolder, options: SoundOptions, sample_rate: int | None) -> _Side:
    sounds = read_sounds(
        spread(folder.files, options.most_files),
        sample_rate,
        options.first_seconds,
        fill=options.fills,
    )
    return _Side(sounds, [mel_cepstrum(sound.samples, sound.sample_rate) for sound in sounds])


def _through_codec(side: _Side, model: Path) -> _Side | None:
    """What the codec alone makes of a set: no model of that codec can be expected to do better."""
    codec = read_configuration(model)["codec"]
    if codec.get("kind") != "mu_law":
        return None
    levels = int(codec["levels"])
    sounds = [
        replace(sound, samples=mu_law.decode(mu_law.encode(sound.samples, levels), levels))
        for sound in side.sounds
    ]
    return _Side(sounds, [mel_cepstrum(sound.samples, sound.sample_rate) for sound in sounds])


def _report_metrics(
    real: _Side, played: _Side, control: _Side | None, coded: _Side | None
) -> list[Metric]:
    """Number, range and entropy of pitches are means over passages, as the report speaks of a
    resultant clip; the others pool the frames of all."""
    peaks = {
        id(side): [pitch_content.spectral_peaks(s.samples, s.sample_rate) for s in side.sounds]
        for side in (real, played)
    }

    def mean_of(
        side: _Side, function: Callable[[NDArray[np.float64]], float]
    ) -> Callable[[], float]:
        return lambda: _mean_where_defined(peaks[id(side)], function)

    def entropy(hertz: NDArray[np.float64]) -> float:
        return pitch_content.pitch_entropy(pitch_content.midi_numbers(hertz))

    def against_reference(
        kind: MetricKind, function: Callable[[NDArray[np.float64], NDArray[np.float64]], float]
    ) -> Metric:
        def of(side: _Side | None) -> Callable[[], float] | None:
            return None if side is None else lambda: function(real.frames(), side.frames())

        return kind.measure(
            lambda: function(real.frames(), played.frames()), None, of(control), of(coded)
        )

    rows = [
        MetricKind(
            "peak_pitches", "number of pitches, spectral peaks", REPORT, "a passage", "lower"
        ).measure(
            mean_of(played, pitch_content.number_of_pitches),
            mean_of(real, pitch_content.number_of_pitches),
        ),
        MetricKind("peak_range", "pitch range, spectral peaks", REPORT, "Hz", "lower").measure(
            mean_of(played, pitch_content.pitch_range), mean_of(real, pitch_content.pitch_range)
        ),
        MetricKind(
            "peak_entropy", "pitch entropy, spectral peaks", REPORT, "bits", "lower"
        ).measure(mean_of(played, entropy), mean_of(real, entropy)),
        against_reference(
            MetricKind("kullback_leibler", "KL divergence, 13 MFCCs", REPORT, "nats", "lower"),
            feature_divergence,
        ),
        against_reference(
            MetricKind("frechet", "Fréchet audio distance, 13 MFCCs", REPORT, "", "lower"),
            frechet_distance,
        ),
    ]
    return rows


def _pitch_metrics(real: Sequence[Track], played: Sequence[Track]) -> list[Metric]:
    def numbers(tracks: Sequence[Track]) -> list[NDArray[np.int64]]:
        return [pitch_content.midi_numbers(entry.frequencies) for entry in tracks]

    def mean_of(
        tracks: Sequence[Track], function: Callable[[NDArray], float]
    ) -> Callable[[], float]:
        return lambda: _mean_where_defined(numbers(tracks), function)

    rows = []
    for key, name, unit, function in (
        ("heard_pitches", "number of pitches, pYIN", "a passage", _heard_number),
        ("heard_range", "pitch range, pYIN", "semitones", pitch_content.pitch_range),
        ("heard_entropy", "pitch entropy, pYIN", "bits", pitch_content.pitch_entropy),
    ):
        kind = MetricKind(key, name, "MIDI numbers by pYIN", unit, "as the reference")
        rows.append(kind.measure(mean_of(played, function), mean_of(real, function)))
    tune = f"within {TOLERANCE_CENTS:.0f} cents"
    rows += [
        MetricKind(
            "in_tune", f"notes {tune} of the asked pitch", "pYIN", "share", "higher"
        ).measure(lambda: share_in_tune(played), lambda: share_in_tune(real)),
        MetricKind("cents", "median pitch error", "pYIN", "cents", "lower").measure(
            lambda: median_absolute_cents(played), lambda: median_absolute_cents(real)
        ),
    ]
    return rows


def _heard_number(numbers: NDArray[np.int64]) -> float:
    # A passage without a voiced frame has no pitches to count, rather than few.
    if len(numbers) == 0:
        raise NotDefinedError("the tracker heard no voiced frame in any passage")
    return pitch_content.number_of_pitches(numbers)


def _mean_where_defined(passages: Sequence[NDArray], function: Callable[[NDArray], float]) -> float:
    """The mean over the passages that have a value; of none, why."""
    values = []
    reason: NotDefinedError | None = None
    for passage in passages:
        try:
            values.append(function(passage))
        except NotDefinedError as error:
            reason = error
    if not values:
        raise reason or NotDefinedError("there is no passage")
    return float(np.mean(values))


def _pair_metrics(
    folder: SoundFolder, real: Sequence[Sound], played: Sequence[Sound]
) -> list[Metric]:
    def over_pairs(function: Callable[[Sequence[paired_signals.Pair]], float]) -> float:
        return function(paired_signals.pair_signals(real, played))

    return [
        MetricKind(
            "mean_squared_error", "mean squared error", "Shinde fig. 3, Du", "", "lower"
        ).measure(lambda: over_pairs(paired_signals.mean_over_pairs_squared_error)),
        MetricKind("signal_to_noise", "signal-to-noise ratio", "Shinde", "dB", "higher").measure(
            lambda: over_pairs(paired_signals.mean_over_pairs_signal_to_noise)
        ),
        MetricKind("onset_f1", "onset F1 against scores", "mir_eval", "0 … 1", "higher").measure(
            lambda: sound_onset_f1(folder.folder, played)
        ),
    ]


def _has_likelihood(model: Path) -> bool:
    return read_configuration(model)["codec"].get("kind") == "mu_law"


def _reconstruction(
    reference: SoundFolder, options: SoundOptions
) -> tuple[Metric, reconstruction.Reconstructions | None]:
    kind = MetricKind(
        "reconstruction",
        "spectral distance of reconstructions",
        "DDSP 4.2.1",
        "",
        "lower",
    )
    found: list[reconstruction.Reconstructions] = []

    def distance() -> float:
        if options.model is None:
            raise NotDefinedError(NO_MODEL)
        if not is_decoder(read_configuration(options.model)):
            raise NotDefinedError("the model is no decoder with an encoder")
        training = () if options.training is None else options.training.files
        found.append(reconstruction.reconstruct(options.model, reference.files, training))
        return found[0].mean(0)

    metric = kind.measure(distance)
    return metric, found[0] if found else None


def _report_table(real: _Side, played: _Side, control: _Side | None) -> Table:
    """The report's figures of each instrument; of pitches, what the reference has in brackets."""
    labels = sorted({sound.file.instrument for sound in played.sounds})

    def peaks(side: _Side, label: str | None) -> list[NDArray[np.float64]]:
        return [
            pitch_content.spectral_peaks(sound.samples, sound.sample_rate)
            for sound in side.sounds
            if label is None or sound.file.instrument == label
        ]

    def entropy(hertz: NDArray[np.float64]) -> float:
        return pitch_content.pitch_entropy(pitch_content.midi_numbers(hertz))

    rows: list[tuple[Cell, ...]] = []
    for label in [*labels, None]:
        ours, theirs = peaks(played, label), peaks(real, label)
        cells: list[Cell] = ["all" if label is None else label or "not known"]
        for function in (pitch_content.number_of_pitches, pitch_content.pitch_range, entropy):
            cells += [
                _or_nothing(lambda f=function, p=passages: _mean_where_defined(p, f))
                for passages in (ours, theirs)
            ]
        for side in (played, control):
            for measure in (feature_divergence, frechet_distance):
                cells.append(
                    None
                    if side is None
                    else _or_nothing(
                        lambda m=measure, s=side, n=label: m(real.frames(n), s.frames(n))
                    )
                )
        rows.append(tuple(cells))
    return Table(
        "report",
        "The COMP9491 report's figures by instrument",
        (
            "instrument",
            "pitches",
            "of the reference",
            "range, Hz",
            "of the reference",
            "entropy, bits",
            "of the reference",
            "KL divergence",
            "Fréchet distance",
            "KL divergence, training set",
            "Fréchet distance, training set",
        ),
        tuple(rows),
    )


def _likelihood_metrics(score: Likelihood | None, model: Path | None) -> list[Metric]:
    def scored() -> Likelihood:
        if score is None:
            raise NotDefinedError(NO_MODEL if model is None else NO_LIKELIHOOD)
        return score

    return [
        MetricKind(
            "bits", "negative log-likelihood of the reference", "engine", "bits a sample", "lower"
        ).measure(lambda: scored().bits_per_sample),
        MetricKind(
            "cross_entropy", "categorical cross-entropy", "Du", "nats a sample", "lower"
        ).measure(lambda: scored().nats_per_sample),
        MetricKind(
            "log_likelihood", "log-likelihood per step", "Shinde fig. 5", "nats", "higher"
        ).measure(lambda: -scored().nats_per_sample),
    ]


def _baselines(
    model: Path, reference: SoundFolder, training: SoundFolder | None
) -> dict[str, float]:
    """Nats a sample of the reference, for codecs of codes."""
    codec = read_configuration(model)["codec"]
    if codec.get("kind") != "mu_law":
        return {}
    levels = int(codec["levels"])
    found = {"uniform": likelihoods.uniform_nats(levels)}
    if training is not None:
        rate = int(codec["sample_rate"])
        files = tqdm(training.files, desc="Markov table", unit="file")
        table = likelihoods.markov_table((file.read(rate)[0] for file in files), levels)
        nats = samples = 0.0
        for file in reference.files:
            sound, _ = file.read(rate)
            nats += likelihoods.markov_nats(table, sound)
            samples += len(sound)
        found[f"order-1 Markov table, {levels} by {levels}"] = nats / samples
    return found


def _likelihood_table(score: Likelihood, baselines: dict[str, float]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (name, nats, nats / np.log(2.0)) for name, nats in baselines.items()
    ]
    rows.append(("this model", score.nats_per_sample, score.bits_per_sample))
    return Table(
        "likelihood",
        f"Negative log-likelihood of the reference, {score.samples:,} samples",
        ("predictor", "nats a sample", "bits a sample"),
        tuple((name, float(nats), float(bits)) for name, nats, bits in rows),
    )


def _instrument_table(
    real: _Side,
    played: _Side,
    tracks: dict[str, list[Track]],
    score: Likelihood | None,
) -> Table:
    labels = sorted({sound.file.instrument for sound in played.sounds})
    rows = []
    for label in [*labels, None]:
        chosen = [t for t in tracks["generated"] if label in (None, t.sound.file.instrument)]
        nats: float | None = None
        if score is not None and label is None:
            nats = score.nats_per_sample
        elif score is not None and label in score.instruments:
            nats = score.instruments[label][0] / score.instruments[label][1]
        rows.append(
            (
                "all" if label is None else label or "not known",
                len(chosen),
                _or_nothing(lambda c=chosen: number_in_tune(c)),
                _or_nothing(lambda c=chosen: median_absolute_cents(c)),
                nats,
                _or_nothing(lambda n=label: feature_divergence(real.frames(n), played.frames(n))),
                _or_nothing(lambda n=label: frechet_distance(real.frames(n), played.frames(n))),
            )
        )
    return Table(
        "instruments",
        "Instruments",
        (
            "instrument",
            "notes",
            f"within {TOLERANCE_CENTS:.0f} cents",
            "median error, cents",
            "nats a sample, held out",
            "KL divergence",
            "Fréchet distance",
        ),
        tuple(rows),
    )


def _or_nothing(function: Callable[[], float]) -> float | None:
    try:
        return function()
    except NotDefinedError:
        return None


def _novelty(
    reference: SoundFolder, generated: SoundFolder, options: SoundOptions, rate: int
) -> tuple[Metric, Novelty | None]:
    kind = MetricKind(
        "suspected_copies",
        f"passages of {PASSAGE_SECONDS:g} s suspected to be copies",
        "Cadenza",
        "share",
        "lower",
    )
    found: list[Novelty] = []

    def share() -> float:
        if options.training is None:
            raise NotDefinedError("no training set was named")
        novelty = sound_novelty(
            options.training.files,
            spread(generated.files, options.most_files),
            spread(reference.files, options.most_files),
            rate,
        )
        found.append(novelty)
        return len(novelty.suspects) / len(novelty.matches)

    metric = kind.measure(share)
    return metric, found[0] if found else None


def _heard(tracks: Sequence[Track]) -> NDArray[np.float64]:
    return np.concatenate([entry.frequencies for entry in tracks])


def _out_of_tune(tracks: Sequence[Track]) -> str:
    names = [
        f"{entry.sound.name} "
        + ("(no pitch)" if entry.cents is None else f"({entry.cents:+.0f} cents)")
        for entry in tracks[:MOST_NAMED]
    ]
    more = len(tracks) - len(names)
    return "Out of tune: " + ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _was_asked(entry: Track) -> bool:
    return entry.sound.file.midi_pitch is not None


def _settings(
    reference: SoundFolder,
    generated: SoundFolder,
    real: _Side,
    played: _Side,
    options: SoundOptions,
    rate: int,
) -> dict[str, object]:
    def described(folder: SoundFolder, side: _Side) -> str:
        seconds = sum(len(sound.samples) for sound in side.sounds) / rate
        return f"{folder.title}: {len(side.sounds)} of {len(folder.files)} files, {seconds:.1f} s"

    settings: dict[str, object] = {
        "reference": described(reference, real),
        "generated": described(generated, played),
        "sample rate": f"{rate} Hz",
        "of every file": (
            "the whole" if options.first_seconds is None else f"the first {options.first_seconds} s"
        )
        + (", filled up with silence" if options.fills else ""),
    }
    if reference.split:
        settings["reference split"] = reference.split
    if options.training is not None:
        settings["training"] = f"{options.training.title}: {len(options.training.files)} files"
    if options.model is not None:
        settings["model"] = options.model.name
        settings["model tensors (SHA-256)"] = tensors_checksum(options.model)
    return settings
