"""Fits the rational approximation behind GELU that Kernels.inc uses, and prints its coefficients.

gelu(x) = x Phi(x), Phi the normal distribution. For u = |x|, Phi(-u) = exp(-u^2 / 2) g(u) with g(u) = erfcx(u / sqrt 2) / 2, which is smooth
and falls slowly; so gelu(x) = max(x, 0) - u exp(-u^2 / 2) g(u). Here g ~ P / Q on 0 ... 13.2, where exp(-u^2 / 2) leaves single
precision's normal numbers: Sanathanan-Koerner iteration with Lawson's weights, as in fit_tanh.py. Then the coefficients are rounded
and the error of gelu is measured as single-precision fused arithmetic would make it (with an exact exp).

Needs numpy and scipy. Usage: python3 fit_gelu.py [degree of P] [degree of Q]
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.special import erfcx, ndtr

BOUND = 13.2


def fit(degree_p: int, degree_q: int) -> tuple[np.ndarray, np.ndarray]:
    nodes = 4000
    u = BOUND * (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, nodes))) ** 1.5
    target = erfcx(u / np.sqrt(2)) / 2
    y = u / BOUND
    lawson = np.ones(nodes)
    denominator = np.ones(nodes)
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for _ in range(400):
        weight = np.sqrt(lawson) / (denominator * target)
        columns = [y**k for k in range(degree_p + 1)] + [-target * y**k for k in range(1, degree_q + 1)]
        matrix = np.stack(columns, axis=1) * weight[:, None]
        scale = np.linalg.norm(matrix, axis=0)
        solution, *_ = np.linalg.lstsq(matrix / scale, target * weight, rcond=None)
        solution = solution / scale
        p = solution[: degree_p + 1]
        q = np.concatenate([[1.0], solution[degree_p + 1 :]])
        denominator = np.polynomial.polynomial.polyval(y, q)
        error = np.abs(np.polynomial.polynomial.polyval(y, p) / denominator / target - 1)
        if best is None or error.max() < best[0]:
            best = (float(error.max()), p, q)
        lawson *= (error + 1e-3 * error.max()) ** 0.5
        lawson /= lawson.mean()
    assert best is not None
    print(f"largest relative error of the fit: {best[0]:.3g}")
    powers = BOUND ** np.arange(max(degree_p, degree_q) + 1)
    return best[1] / powers[: degree_p + 1], best[2] / powers[: degree_q + 1]


def main() -> None:
    degree_p = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    degree_q = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    p, q = fit(degree_p, degree_q)
    p32, q32 = p.astype(np.float32), q.astype(np.float32)
    x = np.linspace(-BOUND, BOUND, 800_001).astype(np.float32)
    u = np.abs(x)

    def horner(coefficients: np.ndarray) -> np.ndarray:
        total = np.full_like(u, coefficients[-1])
        for coefficient in coefficients[-2::-1]:  # fused: exact product, one rounding
            total = (total.astype(np.float64) * u + np.float64(coefficient)).astype(np.float32)
        return total

    half_square = ((u * u).astype(np.float32) * np.float32(0.5)).astype(np.float64)
    power = np.exp(-half_square).astype(np.float32)
    tail = ((u * power).astype(np.float32) * horner(p32)).astype(np.float32) / horner(q32)
    result = (np.maximum(x, 0) - tail.astype(np.float32)).astype(np.float32)
    exact = x.astype(np.float64) * ndtr(x.astype(np.float64))
    error = np.abs(result - exact)
    print(f"in single precision: absolute {error.max():.3g} ({error[np.abs(x) < 1].max():.3g} within 1 of 0)")
    negative = (x < 0) & (x > -5)
    print(f"relative, -5 ... 0: {np.abs(result / exact - 1)[negative].max():.3g}")
    print("P:", ", ".join(f"{value:.9e}f" for value in p32))
    print("Q:", ", ".join(f"{value:.9e}f" for value in q32))


if __name__ == "__main__":
    main()
