"""One recording: read, mixed to mono, resampled, freed of a constant offset, trimmed, levelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from cadenza_training.data.options import AudioOptions
from cadenza_training.data.unusable import UnusableError
from cadenza_training.errors import UserError

# A recording that never exceeds this, -80 decibels of full scale, is silent.
SILENCE_PEAK = 1e-4
# A mean above this share of the peak is a constant offset of the recorder; below it, it is the
# sound's own.
OFFSET_SHARE = 0.01
DEFAULT_LEVELS = {"peak": 0.8, "rms": 0.1, "none": 0.0}
# Where a root mean square asks for more, the peak stays at this.
HIGHEST_PEAK = 0.99
BLOCK_FRAMES = 1 << 20


def read_mono(path: Path) -> tuple[NDArray[np.float32], int]:
    """The mean of the channels, and the sample rate. A block at a time: recordings are long."""
    try:
        with soundfile.SoundFile(path) as file:
            blocks = [
                block.mean(axis=1, dtype=np.float32)
                for block in file.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True)
            ]
            sample_rate = file.samplerate
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        # libsndfile's sentence begins with the path, which rejected.csv has already.
        reason = str(getattr(error, "error_string", error)).strip().rstrip(".")
        raise UnusableError(f"unreadable: {reason}") from error
    samples = np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)
    if not len(samples):
        raise UnusableError("empty: the file holds no samples")
    if not np.isfinite(samples).all():
        raise UnusableError("unreadable: samples that are not finite numbers")
    return samples, sample_rate


def process(
    samples: NDArray[np.float32], sample_rate: int, options: AudioOptions
) -> NDArray[np.float32]:
    """From a recording as it is to a recording as training wants it, at `options.sample_rate`."""
    if sample_rate != options.sample_rate:
        samples = soxr.resample(samples, sample_rate, options.sample_rate)
    samples = remove_offset(samples)
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < SILENCE_PEAK:
        raise UnusableError("silent: it never exceeds -80 dB of full scale")
    samples = trim(samples, options)
    if options.maximum_seconds:
        samples = samples[: round(options.maximum_seconds * options.sample_rate)]
    seconds = len(samples) / options.sample_rate
    if not len(samples) or seconds < options.minimum_seconds:
        raise UnusableError(
            f"too short: {seconds:.3f} s after trimming, "
            f"expected {options.minimum_seconds:g} s or more"
        )
    return normalise(fade(samples, options), options)


def remove_offset(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = float(samples.mean(dtype=np.float64)) if len(samples) else 0.0
    if abs(mean) > OFFSET_SHARE * float(np.abs(samples).max(initial=0.0)):
        return (samples - mean).astype(np.float32)
    return samples


def trim(samples: NDArray[np.float32], options: AudioOptions) -> NDArray[np.float32]:
    """From the onset, less the fade in, to the last sample above the threshold and a fade out."""
    magnitudes = np.abs(samples)
    peak = float(magnitudes.max())
    start, end = 0, len(samples)
    if options.trim_start_decibels < 0.0:
        threshold = peak * 10.0 ** (options.trim_start_decibels / 20.0)
        onset = int(np.argmax(magnitudes > threshold))
        start = max(0, onset - _frames(options.fade_in_seconds, options))
    if options.trim_end_decibels < 0.0:
        threshold = peak * 10.0 ** (options.trim_end_decibels / 20.0)
        last = len(samples) - 1 - int(np.argmax(magnitudes[::-1] > threshold))
        end = min(len(samples), last + 1 + _frames(options.fade_out_seconds, options))
    return samples[start:end]


def fade(samples: NDArray[np.float32], options: AudioOptions) -> NDArray[np.float32]:
    """Linear, at both ends; a beginning that was trimmed or not starts from zero."""
    samples = samples.copy()
    fade_in = min(_frames(options.fade_in_seconds, options), len(samples))
    fade_out = min(_frames(options.fade_out_seconds, options), len(samples))
    samples[:fade_in] *= np.linspace(0.0, 1.0, fade_in, dtype=np.float32)
    samples[len(samples) - fade_out :] *= np.linspace(1.0, 0.0, fade_out, dtype=np.float32)
    return samples


def normalise(samples: NDArray[np.float32], options: AudioOptions) -> NDArray[np.float32]:
    if options.normalise == "none":
        return samples
    level = options.level or DEFAULT_LEVELS[options.normalise]
    peak = float(np.abs(samples).max())
    if peak <= 0.0:
        raise UnusableError("silent: nothing is left between the fades")
    if options.normalise == "peak":
        gain = level / peak
    else:
        root_mean_square = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
        gain = min(level / root_mean_square, HIGHEST_PEAK / peak)
    return (samples * gain).astype(np.float32)


def to_pcm(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """16 bits, rounded to nearest; what exceeds full scale is clipped."""
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)


def write_sound(path: Path, samples: NDArray[np.int16], sample_rate: int) -> None:
    """16 bits, in the format that the path's suffix names."""
    try:
        soundfile.write(path, samples, sample_rate, subtype="PCM_16")
    except (soundfile.SoundFileError, OSError, AssertionError) as error:
        # A full disc: libsndfile writes less than it was given, or says "System error".
        raise UserError(f"{path} cannot be written: is the disc full? ({error})") from error


def _frames(seconds: float, options: AudioOptions) -> int:
    return int(seconds * options.sample_rate)
