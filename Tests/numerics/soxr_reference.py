"""What libsoxr makes of a sound at other sample rates: Tests/Fixtures/rates, which SoxrTests.swift compares the engine with.

    pip install numpy soxr
    python3 Tests/numerics/soxr_reference.py

Run by hand. The sound is seven sines, up to 0.3 of the lower rate, under a window that begins and ends in silence; SoxrTests.swift
makes the same. (Above, soxr lets its passband fall by up to 0.01 dB: -84 dB of difference to what is exact.) FROM-TO.f32 holds its
conversion by soxr's best recipe, in double precision, as little-endian single precision.
"""

from pathlib import Path

import numpy as np
import soxr

CASES = [(16000, 44100), (16000, 48000), (16000, 22050), (48000, 16000), (44100, 48000), (22050, 44100), (16001, 96000)]
FRACTIONS = [0.01, 0.05, 0.11, 0.17, 0.21, 0.25, 0.3]
LENGTH = 1000  # samples of the lower rate


def sound(source: int, target: int) -> np.ndarray:
    lower = min(source, target)
    count = LENGTH * source // lower
    n = np.arange(count)
    sines = sum(np.sin(2 * np.pi * fraction * lower / source * n + k) for k, fraction in enumerate(FRACTIONS))
    window = np.sin(np.pi * (n + 0.5) / count) ** 4
    return (sines * window / len(FRACTIONS)).astype("<f4").astype(np.float64)


def main() -> None:
    folder = Path(__file__).resolve().parents[1] / "Fixtures" / "rates"
    for source, target in CASES:
        converted = soxr.resample(sound(source, target), source, target, quality="VHQ")
        converted.astype("<f4").tofile(folder / f"{source}-{target}.f32")
        print(f"{source} -> {target}: {len(converted)} samples, libsoxr {soxr.__libsoxr_version__}")


if __name__ == "__main__":
    main()
