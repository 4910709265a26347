"""Listens: how loud a sound is, how high, and whether it clicks."""

from pathlib import Path

import numpy as np

WINDOW_SECONDS = 0.1
LOWEST_HZ = 40.0


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    """The first channel of a WAV file of 16-bit whole numbers or 32-bit floats, and its sample rate."""
    content = path.read_bytes()
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError(f"{path} is no WAV file")
    at, kind, channels, rate, bits = 12, 0, 0, 0, 0
    samples = np.zeros(0)
    while at + 8 <= len(content):
        name, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        body = content[at + 8 : at + 8 + length]
        if name == b"fmt ":
            kind, channels = int.from_bytes(body[:2], "little"), int.from_bytes(body[2:4], "little")
            rate, bits = int.from_bytes(body[4:8], "little"), int.from_bytes(body[14:16], "little")
        elif name == b"data":
            if (kind, bits) == (1, 16):
                samples = np.frombuffer(body, "<i2") / 32768
            elif (kind, bits) == (3, 32):
                samples = np.frombuffer(body, "<f4").astype(float)
            else:
                raise ValueError(f"{path} has samples of kind {kind} and {bits} bits")
        at += 8 + length + length % 2
    return samples[::channels], rate


def write_silence(path: Path, rate: int, seconds: float) -> None:
    """A mono WAV file of 16 bits."""
    size = 2 * round(rate * seconds)
    number = int.to_bytes
    form = number(1, 2, "little") + number(1, 2, "little") + number(rate, 4, "little") + number(2 * rate, 4, "little")
    form += number(2, 2, "little") + number(16, 2, "little")
    head = b"WAVEfmt " + number(16, 4, "little") + form + b"data" + number(size, 4, "little")
    path.write_bytes(b"RIFF" + number(len(head) + size, 4, "little") + head + bytes(size))


def level(samples: np.ndarray) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=float)))) if len(samples) else 0.0


def pitch(samples: np.ndarray, rate: int) -> float:
    """The median pitch of the loud windows as a MIDI note; NaN where fewer than half of them have one.

    The first high peak of the normalised square difference function (McLeod and Wyvill, "A Smarter Way to Find Pitch", 2005)."""
    size = int(WINDOW_SECONDS * rate)
    windows = [samples[start : start + size] for start in range(0, len(samples) - size + 1, size // 2)]
    loudest = max((level(window) for window in windows), default=0.0)
    loud = [window for window in windows if loudest > 0 and level(window) >= 0.2 * loudest]
    found = [note for note in (_window_pitch(window, rate) for window in loud) if note is not None]
    return float(np.median(found)) if loud and 2 * len(found) > len(loud) else float("nan")


def _window_pitch(window: np.ndarray, rate: int) -> float | None:
    size, longest = len(window), min(int(rate / LOWEST_HZ), len(window) // 2)
    spectrum = np.fft.rfft(window, 2 * size)
    product = np.fft.irfft(spectrum * np.conj(spectrum))[: longest + 2]
    squares = np.concatenate([[0.0], np.cumsum(np.square(window))])
    lags = np.arange(longest + 2)
    energy = squares[size - lags] + squares[size] - squares[lags]
    likeness = 2 * product / np.maximum(energy, 1e-12)
    below = np.flatnonzero(likeness[:longest] <= 0)
    if not len(below):
        return None
    first = int(below[0])
    highest = float(np.max(likeness[first : longest + 1]))
    if highest < 0.6:
        return None
    for lag in range(max(first, 1), longest + 1):
        left, here, right = likeness[lag - 1 : lag + 2]
        if here >= 0.9 * highest and here >= left and here >= right:
            curvature = left - 2 * here + right
            period = lag + (0.5 * (left - right) / curvature if curvature < 0 else 0.0)
            return float(69 + 12 * np.log2(rate / period / 440))
    return None


def share(samples: np.ndarray, rate: int, note: float) -> float:
    """Which share of the power lies within half a semitone of a note's fundamental."""
    power = np.square(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))))
    notes = 69 + 12 * np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / rate), 1e-9) / 440)
    return float(np.sum(power[np.abs(notes - note) < 0.5]) / max(np.sum(power), 1e-12))
