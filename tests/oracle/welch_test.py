#!/usr/bin/env python3
"""Writes tests/golden/welch_test.json: samples with t, degrees of freedom, p and the 95 % interval of
scipy.stats.ttest_ind(equal_var=False).   welch_test.py > tests/golden/welch_test.json"""
import json
import sys

import numpy as np
from scipy.stats import ttest_ind


def case(a, b, shift=0.0):
    a, b = np.array(a, dtype=float), np.array(b, dtype=float)
    test = ttest_ind(a - shift, b, equal_var=False)
    interval = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    return {"a": a.tolist(), "b": b.tolist(), "shift": shift, "t": float(test.statistic), "freedom": float(test.df),
            "p": float(test.pvalue), "low": float(interval.low), "high": float(interval.high)}


def main():
    random = np.random.default_rng(1)
    cases = [case([91.2, 91.5, 91.0], [90.1, 90.4, 89.6]), case([91.2, 91.5, 91.0], [91.1, 91.6, 90.9], -0.5),
             case([1, 2], [5, 7]), case([1, 1.001], [5, 9]), case([3, 3, 3], [1, 2, 4])]
    for n, m, shift, scale in ((3, 5, 0.0, 1.0), (10, 8, 1.0, 3.0), (40, 60, 0.1, 0.5), (4, 4, 20.0, 1.0)):
        cases.append(case(np.round(random.normal(size=n), 6), np.round(shift + scale * random.normal(size=m), 6)))
    json.dump(cases, sys.stdout, indent=1)


main()
