#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes ir/normal_table.def: normal quantiles at 2^-33 resolution.

The tail is found by Newton's method on the logarithm of erfc in 60 digits, so
that every entry is the nearest integer. Usage: normal_table.py > ir/normal_table.def
(needs mpmath)."""
import mpmath

mpmath.mp.dps = 60
HEAD = """/* SPDX-License-Identifier: Apache-2.0
 *
 * Row o, column i: -Phi^-1((2^o + i * 2^(o-7)) * 2^-33) * 2^21, rounded to the
 * nearest integer, Phi the normal distribution. Written by
 * tools/normal_table.py, which recomputes it. */
"""


def quantile(p):
    """x with Phi(-x) = p."""
    return mpmath.sqrt(2) * mpmath.erfinv(1 - 2 * p)


def main():
    print(HEAD)
    for o in range(32):
        row = []
        for i in range(129):
            p = mpmath.mpf(2) ** -33 * (mpmath.mpf(2) ** o + i * mpmath.mpf(2) ** (o - 7))
            row.append(int(mpmath.nint(quantile(p) * 2**21)))
        print("{")
        for at in range(0, 129, 11):
            print("    " + " ".join("%d," % v for v in row[at : at + 11]))
        print("},")


if __name__ == "__main__":
    main()
