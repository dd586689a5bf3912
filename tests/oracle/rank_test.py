#!/usr/bin/env python3
"""Writes tests/golden/rank_test.json: samples with U, p and method of scipy.stats.mannwhitneyu (scipy 1.17), and the
95 % interval of the ratio, found by inverting that test.   rank_test.py > tests/golden/rank_test.json"""
import json
import sys

import numpy as np
from scipy.stats import mannwhitneyu


def ratio_interval(a, b):
    """The smallest and the greatest of all b / a just inside which the two samples cannot be told apart."""
    ratios = sorted(float(y / x) for x in a for y in b)

    def differ(ratio):
        return mannwhitneyu(a * ratio, b, method="exact").pvalue <= 0.05
    inside = [r for r in ratios if not (differ(r * (1 - 1e-9)) and differ(r * (1 + 1e-9)))]
    return (inside[0], inside[-1]) if differ(ratios[0] * (1 - 1e-9)) else (None, None)


def case(a, b, method):
    a, b = np.array(a, dtype=float), np.array(b, dtype=float)
    found = mannwhitneyu(a, b, alternative="two-sided", method=method)
    low, high = ratio_interval(a, b) if method == "exact" else (None, None)
    return {"a": a.tolist(), "b": b.tolist(), "u": float(found.statistic), "p": float(found.pvalue),
            "exact": method == "exact", "low": low, "high": high}


def main():
    random = np.random.default_rng(1)
    cases = [case([1.0, 2.0, 4.0], [3.0, 5.0, 7.0], "exact"), case([1, 2, 3, 4], [5, 6, 7, 8], "exact")]
    for n, m, shift in ((5, 7, 0.0), (8, 8, 1.0), (20, 15, 0.5), (30, 30, 0.3), (1, 6, 2.0)):
        a, b = random.lognormal(size=n), random.lognormal(size=m) * np.exp(shift)
        cases.append(case(np.round(a, 6), np.round(b, 6), "exact"))
    cases.append(case([1, 1, 2, 3], [2, 2, 3, 4, 5], "asymptotic"))
    cases.append(case([2, 2, 2], [2, 2], "asymptotic"))
    cases.append(case(np.round(random.lognormal(size=60), 4), np.round(random.lognormal(size=70) * 1.3, 4), "asymptotic"))
    json.dump(cases, sys.stdout, indent=1)


main()
