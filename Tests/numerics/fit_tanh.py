"""Fits the rational approximation of tanh that Kernels.inc uses, and prints its coefficients.

tanh(x) ~ x P(x^2) / Q(x^2) on |x| <= 9, minimising the largest relative error: Sanathanan-Koerner iteration (the linearised
problem, weighted with the last denominator), with Lawson's weights to level the error. Then the coefficients are rounded to
single precision and the error is measured as single-precision fused arithmetic would make it.

Needs numpy. Usage: python3 fit_tanh.py [degree of P] [degree of Q]
"""

from __future__ import annotations

import sys

import numpy as np

BOUND = 9.0


def fit(degree_p: int, degree_q: int) -> tuple[np.ndarray, np.ndarray]:
    nodes = 4000
    x = BOUND * np.sin(np.linspace(1e-4, np.pi / 2, nodes)) ** 1.5
    target = np.tanh(x)
    y = x * x / BOUND**2
    lawson = np.ones(nodes)
    denominator = np.ones(nodes)
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for _ in range(400):
        weight = np.sqrt(lawson) / (denominator * target)
        columns = [x * y**k for k in range(degree_p + 1)] + [-target * y**k for k in range(1, degree_q + 1)]
        matrix = np.stack(columns, axis=1) * weight[:, None]
        scale = np.linalg.norm(matrix, axis=0)
        solution, *_ = np.linalg.lstsq(matrix / scale, target * weight, rcond=None)
        solution = solution / scale
        p = solution[: degree_p + 1]
        q = np.concatenate([[1.0], solution[degree_p + 1 :]])
        denominator = np.polynomial.polynomial.polyval(y, q)
        error = np.abs(x * np.polynomial.polynomial.polyval(y, p) / denominator / target - 1)
        if best is None or error.max() < best[0]:
            best = (float(error.max()), p, q)
        lawson *= (error + 1e-3 * error.max()) ** 0.5
        lawson /= lawson.mean()
    assert best is not None
    print(f"largest relative error of the fit: {best[0]:.3g}")
    powers = BOUND ** (2 * np.arange(max(degree_p, degree_q) + 1))
    return best[1] / powers[: degree_p + 1], best[2] / powers[: degree_q + 1]


def main() -> None:
    degree_p = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    degree_q = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    p, q = fit(degree_p, degree_q)
    p32, q32 = p.astype(np.float32), q.astype(np.float32)
    x = np.linspace(1e-3, BOUND, 400_001).astype(np.float32)
    y = (x * x).astype(np.float32)

    def horner(coefficients: np.ndarray) -> np.ndarray:
        total = np.full_like(y, coefficients[-1])
        for coefficient in coefficients[-2::-1]:  # fused: exact product, one rounding
            total = (total.astype(np.float64) * y + np.float64(coefficient)).astype(np.float32)
        return total

    result = ((x * horner(p32)).astype(np.float32) / horner(q32)).astype(np.float32)
    exact = np.tanh(x.astype(np.float64))
    print(f"in single precision: relative {np.abs(result / exact - 1).max():.3g}, largest value {result.max():.9g}")
    print("P:", ", ".join(f"{value:.9e}f" for value in p32))
    print("Q:", ", ".join(f"{value:.9e}f" for value in q32))


if __name__ == "__main__":
    main()
