"""The features of the COMP9491 report, section 4.2: the first 13 of 40 mel-frequency cepstral
coefficients, frame by frame."""

from __future__ import annotations

import librosa
import numpy as np
from numpy.typing import NDArray

COEFFICIENTS = 40
KEPT_COEFFICIENTS = 13
FRAME_LENGTH = 2048
HOP_LENGTH = 512


def mel_cepstrum(samples: NDArray[np.floating], sample_rate: int) -> NDArray[np.float64]:
    """[frames, 13]: librosa's defaults, 128 mel bands in decibels, an orthonormal DCT-II."""
    coefficients = librosa.feature.mfcc(
        # Zeros to one whole frame: the transform of a shorter sound would warn.
        y=np.pad(samples, (0, max(0, FRAME_LENGTH - len(samples)))),
        sr=sample_rate,
        n_mfcc=COEFFICIENTS,
        n_fft=FRAME_LENGTH,
        hop_length=HOP_LENGTH,
    )
    return coefficients[:KEPT_COEFFICIENTS].T.astype(np.float64)
