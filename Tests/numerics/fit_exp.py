"""Fits exp(r) = 1 + r + r^2 q(r) on |r| <= ln(2) / 2, as Kernels.inc uses it, and prints q's coefficients and the error.

Interpolation at Chebyshev nodes, which is close enough to minimax here. Needs numpy.
"""

from __future__ import annotations

import math

import numpy as np


def main() -> None:
    bound = np.log(2) / 2 * 1.001
    degree = 4
    nodes = bound * np.cos((np.arange(degree + 1) + 0.5) * np.pi / (degree + 1))
    remainder = sum(nodes**k / float(math.factorial(k + 2)) for k in range(16))  # (exp(r) - 1 - r) / r^2
    q = np.polynomial.polynomial.polyfit(nodes, remainder, degree)
    r = np.linspace(-bound, bound, 100_001)
    q32 = q.astype(np.float32).astype(np.float64)
    value = 1 + r + r * r * np.polynomial.polynomial.polyval(r, q32)
    print(f"largest relative error: {np.abs(value / np.exp(r) - 1).max():.3g}")
    print("q:", ", ".join(f"{v:.9e}f" for v in q.astype(np.float32)))


if __name__ == "__main__":
    main()
