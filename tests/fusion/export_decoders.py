# SPDX-License-Identifier: Apache-2.0
"""Decoders after the sources of libraries, exported and transcribed as export.py does.

    python export_decoders.py [NAME..]    (development only; no test runs it)

The libraries' own cannot be exported: their loops ask for lengths. Here the
length is fixed and both exporters unroll the steps. TorchScript keeps B open.
"""
import sys

import torch
from torch import nn

import export
from export import B, BOOL, FLOAT, LONG, case, main

K, LENGTH = 5, 6
EM = {"emissions": ((B, LENGTH, K), FLOAT)}
MASK = {"mask": ((B, LENGTH), BOOL)}
TAGS = {"tags": ((B, LENGTH), LONG)}


class Decoder(nn.Module):
    def __init__(self, f, shapes):
        super().__init__()
        self.f = f
        self.p = nn.ParameterList([nn.Parameter(torch.randn(*s)) for s in shapes])

    def forward(self, *inputs):
        return self.f(*inputs, *self.p)


def decoder(name, what, f, *shapes, spec=EM, exporters=("ts17",), meta=None):
    for e in exporters:
        case(f"unrolled_{name}_{e}", e, "crf", not e.startswith("ts"), meta or {"fuses": "viterbi"}, 1)(
            lambda: (Decoder(f, shapes), spec, f"{what}, steps unrolled"))


def there(em, transitions):
    """The last scores and the pointers of each step."""
    score, pointers = em[:, 0], []
    for t in range(1, LENGTH):
        best, place = (score[:, :, None] + transitions).max(1)
        score = best + em[:, t]
        pointers.append(place)
    return score, pointers


def flair(em, transitions):
    """Transitions by the tag that is entered; two tags of its own, the first
    step's pointers are popped unread."""
    start, stop, many = K - 2, K - 1, em.shape[0]
    score = torch.full((many, K), -10000.0)
    score = torch.cat([score[:, :start], torch.zeros(many, 1), score[:, start + 1:]], 1)
    pointers = []
    for t in range(LENGTH):
        best, place = torch.max(score[:, None, :].expand(-1, K, -1) + transitions[None], dim=2)
        score = best + em[:, t]
        pointers.append(place)
    tag = (score + transitions[stop][None]).argmax(1)
    path = [tag]
    for place in reversed(pointers):
        tag = place.gather(1, tag[:, None])[:, 0]
        path.append(tag)
    path.pop()
    path.reverse()
    return torch.stack(path, 1)


def ncrfpp(em, mask, transitions):
    """Scores of all steps made before; no step is masked, but pointers are; the
    last tag is scattered into the pointers."""
    many, start, stop = em.shape[0], K - 2, K - 1
    steps = mask.transpose(1, 0)
    scores = em.transpose(1, 0)[:, :, None, :] + transitions[None, None]
    score = scores[0][:, start, :]
    history, pointers = [score], []
    for t in range(1, LENGTH):
        score, place = torch.max(scores[t] + score[:, :, None], 1)
        history.append(score)
        pointers.append(place.masked_fill(~steps[t][:, None], 0))
    last = mask.long().sum(1, keepdim=True)[:, :, None].expand(many, 1, K) - 1
    final = torch.stack(history, 0).transpose(1, 0).gather(1, last)[:, 0][:, :, None] + transitions[None]
    pointers.append(torch.zeros_like(pointers[0]))
    tag = final.max(1)[1][:, stop]
    places = torch.stack(pointers).transpose(1, 0)
    places = places.scatter(1, last, tag[:, None, None].expand(many, 1, K)).transpose(1, 0)
    path = [tag]
    for t in range(LENGTH - 2, -1, -1):
        tag = places[t].gather(1, tag[:, None])[:, 0]
        path.append(tag)
    path.reverse()
    return torch.stack(path, 1)


def indexed(em, transitions):
    score, pointers = there(em, transitions)
    places, rows, tag = torch.stack(pointers), torch.arange(em.shape[0]), score.argmax(-1)
    path = [tag]
    for t in range(LENGTH - 2, -1, -1):
        tag = places[t, rows, tag]
        path.append(tag)
    path.reverse()
    return torch.stack(path, 1)


def end_to_end(em, transitions):
    score, pointers = there(em, transitions)
    rows, tag = torch.arange(em.shape[0]) * K, score.argmax(-1)
    path = [tag]
    for place in reversed(pointers):
        tag = place.reshape(-1)[rows + tag]
        path.append(tag)
    path.reverse()
    return torch.stack(path, 1)


def one_hot(em, transitions):
    score, pointers = there(em, transitions)
    tag = score.argmax(-1)
    path = [tag]
    for place in reversed(pointers):
        tag = (nn.functional.one_hot(tag, K) * place).sum(-1)
        path.append(tag)
    path.reverse()
    return torch.stack(path, 1)


def in_place(em, transitions):
    """Pointers written into an array, step by step."""
    em = em.transpose(0, 1)
    score, places = em[0], torch.zeros(LENGTH, em.shape[1], K, dtype=torch.long)
    for t in range(1, LENGTH):
        best, places[t] = torch.max(transitions + score.unsqueeze(-1), 1)
        score = best + em[t]
    tag = score.argmax(-1)
    path = [tag]
    for t in range(LENGTH - 1, 0, -1):
        tag = places[t].gather(1, tag[:, None])[:, 0]
        path.append(tag)
    path.reverse()
    return torch.stack(path, 1)


def trellis(em, transitions):
    """Scores as well."""
    many = em.shape[0]
    scores, places = torch.zeros(many, LENGTH, K), torch.zeros(many, LENGTH, K, dtype=torch.long)
    scores[:, 0] = em[:, 0]
    for t in range(1, LENGTH):
        sums = scores[:, t - 1].unsqueeze(2) + transitions
        scores[:, t] = em[:, t] + sums.amax(1)
        places[:, t] = sums.argmax(1)
    tag = scores[:, -1].argmax(-1)
    path = [tag]
    for t in range(LENGTH - 1, 0, -1):
        tag = places[:, t].gather(1, tag[:, None])[:, 0]
        path.append(tag)
    path.reverse()
    return torch.stack(path, 1)


def joined(em, transitions):
    """Pointers and path joined step by step."""
    score, places = em[:, 0], torch.zeros(em.shape[0], 0, K, dtype=torch.long)
    for t in range(1, LENGTH):
        best, place = (score[:, :, None] + transitions).max(1)
        score = best + em[:, t]
        places = torch.cat([places, place[:, None]], 1)
    path = tag = score.argmax(1)[:, None]
    for t in range(LENGTH - 2, -1, -1):
        tag = places[:, t].gather(1, tag)
        path = torch.cat([tag, path], 1)
    return path


def one_hot_in_floats(em, transitions):
    score, pointers = there(em, transitions)
    tag = score.argmax(1)
    path = [tag]
    for place in reversed(pointers):
        tag = (nn.functional.one_hot(tag, K).float() * place.float()).sum(-1).long()
        path.append(tag)
    return torch.stack(path[::-1], 1)


def ncrfpp_path(em, transitions):
    """The path assigned to places of an array, the last by -1."""
    score, pointers = there(em, transitions)
    places, tag = torch.stack(pointers), score.argmax(1)
    path = torch.zeros(LENGTH, em.shape[0], dtype=torch.long)
    path[-1] = tag
    for t in range(LENGTH - 2, -1, -1):
        tag = places[t].gather(1, tag[:, None])[:, 0]
        path[t] = tag
    return path.transpose(1, 0)


def paddle(em, left, transitions):
    """What is left of each sequence is counted down, and up again on the way
    back; scores and tags are kept by products and choices."""
    score = em[:, 0] + transitions[-1][None] + transitions[:, -2][None] * (left[:, None] == 1).float()
    pointers, left = [], left - 1
    for t in range(1, LENGTH):
        sums = score[:, :, None] + transitions[None]
        pointers.append(sums.argmax(1))
        live = (left > 0)[:, None].float()
        score = live * (sums.amax(1) + em[:, t]) + (1 - live) * score
        score = score + transitions[:, -2][None] * (left[:, None] == 1).float()
        left = left - 1
    tag = score.max(1)[1]
    path = [tag * (left >= 0)]
    for place in reversed(pointers):
        left = left + 1
        to = place.gather(1, tag[:, None])[:, 0] * (left > 0)
        tag = torch.where(left < 0, tag, torch.where(left == 0, tag, to))
        path.append(tag * (left >= 0))
    path.reverse()
    return torch.stack(path, 1)


def least_costs(em, transitions):
    score, pointers = -em[:, 0], []
    for t in range(1, LENGTH):
        cost = score[:, :, None] - transitions[None]
        score = cost.amin(1) - em[:, t]
        pointers.append(cost.argmin(1))
    tag = score.argmin(-1)
    path = [tag]
    for place in reversed(pointers):
        tag = place.gather(1, tag[:, None])[:, 0]
        path.append(tag)
    path.reverse()
    return torch.stack(path, 1)


def likelihood(em, mask, tags, start, transitions, end):
    score = em[:, 0] + start
    for t in range(1, LENGTH):
        after = torch.logsumexp(score.unsqueeze(2) + transitions + em[:, t].unsqueeze(1), 1)
        score = torch.where(mask[:, t].unsqueeze(1), after, score)
    z = torch.logsumexp(score + end, 1)
    own = start[tags[:, 0]] + em[:, 0].gather(1, tags[:, :1])[:, 0]
    for t in range(1, LENGTH):
        step = transitions[tags[:, t - 1], tags[:, t]] + em[:, t].gather(1, tags[:, t:t + 1])[:, 0]
        own = own + step * mask[:, t]
    last = tags.gather(1, (mask.long().sum(1) - 1).clamp(min=0)[:, None])[:, 0]
    return (z - own - end[last]).mean()


decoder("flair", "flair, ViterbiDecoder, after its source", flair, (K, K))
decoder("ncrfpp", "NCRF++, CRF._viterbi_decode, after its source", ncrfpp, (K, K), spec=EM | MASK)
decoder("indexed", "Pointers taken by indices of step, row and tag", indexed, (K, K), exporters=("ts17", "dynamo20"))
decoder("end_to_end", "Pointers of all rows end to end", end_to_end, (K, K), exporters=("dynamo20",))
decoder("one_hot", "Pointers chosen by a product with a one-hot row", one_hot, (K, K), exporters=("dynamo20",))
decoder("least_costs", "keras-contrib, CRF.viterbi_decoding, after its source: the least of negated scores", least_costs, (K, K))
decoder("in_place", "SuPar, LinearChainCRF, after its source: pointers assigned to places of an array", in_place, (K, K))
decoder("trellis", "Scores and pointers assigned to places of arrays", trellis, (K, K), exporters=("ts17", "dynamo20"))
decoder("joined", "Pointers and path joined step by step", joined, (K, K), exporters=("dynamo20",))
decoder("one_hot_in_floats", "Pointers chosen by a product of floats", one_hot_in_floats, (K, K))
decoder("path_in_place", "NCRF++, the path of CRF._viterbi_decode, after its source: assigned to places of an array", ncrfpp_path, (K, K))
decoder("counted_down", "PaddlePaddle, viterbi_decode, after its source", paddle, (K, K), spec=EM | {"left": ((B,), LONG)})
decoder("likelihood", "The likelihood of a path, after pytorch-crf's source, whose gathers share views of tags", likelihood,
        (K,), (K, K), (K,), spec=EM | MASK | TAGS, exporters=("dynamo20",), meta={"fuses": "crf_partition"})

if __name__ == "__main__":
    for name in [n for n, c in export.CASES.items() if c[2] != "crf"]:
        del export.CASES[name]
    sys.exit(main())
