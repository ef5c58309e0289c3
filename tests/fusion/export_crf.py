# SPDX-License-Identifier: Apache-2.0
"""CRFs of published libraries, exported and transcribed as export.py does.

    python export_crf.py [NAME..]    (development only; no test runs it)

Needs, besides export.py's, pytorch-crf, TorchCRF, bi-lstm-crf,
pytorch-partial-crf and fastNLP. Their loops over steps are unrolled by both
exporters, so lengths are fixed.
"""
import sys
from importlib import metadata

import torch
from torch import nn

import export
from export import B, BOOL, FLOAT, case, main

K, LENGTH = 5, 13


class Method(nn.Module):
    """One method of a module as its forward."""

    def __init__(self, m, name, turn=False):
        super().__init__()
        self.m, self.f, self.turn = m, getattr(m, name), turn

    def forward(self, x, mask):
        return self.f(x, mask.T if self.turn else mask)


def crf(name, package, make, method, time_first=False, family="crf_partition", outputs=None, exporters=("ts17", "dynamo18")):
    shape = (LENGTH, B, K) if time_first else (B, LENGTH, K)
    spec = {"emissions": (shape, FLOAT), "mask": (shape[:2], BOOL)}
    what = f"{package} {metadata.version(package)}, {method.removeprefix('_CRF')}, steps unrolled"
    for exporter in exporters:
        def module():
            m = make()
            for p in m.parameters():
                nn.init.uniform_(p, -1, 1)
            return Method(m, method), spec, what
        case(f"{name}_{exporter}", exporter, "crf", True, {"fuses": family}, outputs)(module)


def library(name, kind="CRF"):
    return getattr(__import__(name, fromlist=[kind]), kind)



class Alone(nn.Module):
    """What a library computes only on the way to something else."""

    def __init__(self, m, f):
        super().__init__()
        self.m, self.f = m, f

    def partition(self, x, mask):
        return self.f(self.m, x, mask)


def fastnlp():
    return library("fastNLP.modules.torch.decoder.crf", "ConditionalRandomField")(K, include_start_end_trans=True)


def partial_z(m, x, mask):
    """marginal_probabilities as far as its z."""
    alpha = m._forward_algorithm(x, mask)
    sums = library("pytorch_partial_crf.utils", "log_sum_exp")
    return sums(alpha[alpha.size(0) - 1] + m.end_transitions, dim=1)


def bi_lstm(m, x, mask):
    return m._CRF__forward_algorithm(x, mask.float())


# Both exporters write pytorch-crf alike.
crf("pytorch_crf_partition", "pytorch-crf", lambda: library("torchcrf")(K), "_compute_normalizer", True, exporters=("ts17",))
crf("torch_crf_partition", "TorchCRF", lambda: library("TorchCRF")(K), "_compute_denominator_log_likelihood")
crf("partial_crf_partition", "pytorch-partial-crf", lambda: Alone(library("pytorch_partial_crf")(K), partial_z), "partition")
crf("bi_lstm_crf_partition", "bi-lstm-crf", lambda: Alone(library("bi_lstm_crf.model.crf")(4, K - 2), bi_lstm), "partition")
# TorchScript ends on a comparison of fastNLP, and dynamo on its decoder.
crf("fastnlp_partition", "fastNLP", fastnlp, "_normalizer_likelihood", True, exporters=("dynamo18",))

if __name__ == "__main__":
    for name in [n for n, c in export.CASES.items() if c[2] != "crf"]:
        del export.CASES[name]
    sys.exit(main())
