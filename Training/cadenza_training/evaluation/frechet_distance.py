"""The Fréchet distance between two sets of feature vectors, taken as normal distributions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cadenza_training.evaluation.metric import NotDefinedError


def frechet_distance(background: NDArray[np.floating], evaluated: NDArray[np.floating]) -> float:
    """F = ‖μ_b - μ_e‖² + tr(Σ_b + Σ_e - 2 √(Σ_b Σ_e)) of [vectors, features] (Dowson and Landau
    1982; for audio Kilgour et al. 2019; COMP9491 report, section 4.2).

    tr √(Σ_b Σ_e) is the sum of the square roots of the eigenvalues of Σ_b^½ Σ_e Σ_b^½, a symmetric
    matrix: no root of a matrix that is almost singular is taken.
    """
    for name, vectors in (("reference", background), ("other", evaluated)):
        if len(vectors) < 2:
            raise NotDefinedError(
                f"a covariance needs 2 frames, and the {name} side has {len(vectors)}"
            )
    difference = background.mean(axis=0) - evaluated.mean(axis=0)
    covariance_b = np.atleast_2d(np.cov(background, rowvar=False))
    covariance_e = np.atleast_2d(np.cov(evaluated, rowvar=False))
    eigenvalues, eigenvectors = np.linalg.eigh(covariance_b)
    root = (eigenvectors * np.sqrt(np.clip(eigenvalues, 0.0, None))) @ eigenvectors.T
    product = np.clip(np.linalg.eigvalsh(root @ covariance_e @ root), 0.0, None)
    distance = (
        difference @ difference
        + np.trace(covariance_b)
        + np.trace(covariance_e)
        - 2.0 * np.sqrt(product).sum()
    )
    # Rounding may leave a tiny negative number for two equal sets.
    return max(0.0, float(distance))
