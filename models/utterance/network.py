# SPDX-License-Identifier: Apache-2.0
"""The network of model.json in PyTorch, for training.

Names of the parameters are those of the graph's weights.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

CAP = 100.0


class Layer(nn.Module):
    """Pre-norm self-attention, then a feed-forward that sees a piece and its
    two neighbours."""

    def __init__(self, h, heads, inner, drop):
        super().__init__()
        d = h // heads
        self.n1 = nn.LayerNorm(h)
        self.n2 = nn.LayerNorm(h)
        self.qkv = nn.Parameter(torch.randn(3, heads, d, h) * h ** -0.5)
        self.out = nn.Parameter(torch.randn(h, heads, d) * h ** -0.5 * 0.5)
        self.up = nn.Linear(3 * h, inner)
        self.down = nn.Linear(inner, h)
        self.drop = nn.Dropout(drop)

    def forward(self, x, seen):
        b, s, h = x.shape
        _, heads, d, _ = self.qkv.shape
        qkv = (self.n1(x) @ self.qkv.reshape(-1, h).T).view(b, s, 3, heads, d)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        score = (q @ k.transpose(2, 3)) * d ** -0.5
        score = score.masked_fill(~seen[:, None, None, :], -1e9)
        mixed = self.drop(score.softmax(-1)) @ v
        mixed = mixed.transpose(1, 2).reshape(b, s, h)
        x = x + self.drop(mixed @ self.out.reshape(h, h).T)
        inner = F.gelu(self.up(neighbours(self.n2(x), seen)))
        return x + self.drop(self.down(self.drop(inner)))


def neighbours(x, seen):
    """[B,S,H] to [B,S,3H]: the piece before, the piece, the piece after;
    padding counts as zeros."""
    x = x * seen[..., None].to(x.dtype)
    size = x.shape[1]
    wide = F.pad(x, (0, 0, 1, 1))
    return torch.cat([wide[:, :size], x, wide[:, 2:]], 2)


class Parser(nn.Module):
    def __init__(self, vocabulary, intents, cap, start, h=128, heads=4,
                 inner=256, layers=3, places=0, drop=0.1):
        super().__init__()
        tags = len(start)
        self.pieces = nn.Parameter(torch.randn(vocabulary, h) * 0.5)
        self.places = nn.Parameter(torch.zeros(places, h)) if places else None
        self.layers = nn.ModuleList(
            Layer(h, heads, inner, drop) for _ in range(layers))
        self.norm = nn.LayerNorm(h)
        self.intent = nn.Linear(h, intents)
        self.slot = nn.Linear(h, tags)
        self.trans = nn.Parameter(torch.randn(tags, tags) * 0.02)
        self.register_buffer("cap", cap)
        self.register_buffer("start", start)
        self.drop = nn.Dropout(drop)

    def forward(self, ids, length, word_first):
        """Intent logits [B,I] and emissions [B,W,K]."""
        seen = torch.arange(ids.shape[1])[None, :] < length[:, None]
        x = self.pieces[ids]
        if self.places is not None:
            x = x + self.places[:ids.shape[1]]
        x = self.drop(x)
        for layer in self.layers:
            x = layer(x, seen)
        x = self.norm(x)
        one = seen[..., None].to(x.dtype)
        mean = (x * one).sum(1) / one.sum(1)
        at = word_first[..., None].expand(-1, -1, x.shape[2])
        emissions = self.slot(self.drop(x.gather(1, at)))
        first = F.pad(self.start[None], (0, 0, 0, emissions.shape[1] - 1))
        return self.intent(self.drop(mean)), emissions + first

    def transitions(self):
        return torch.minimum(self.trans, self.cap)


def to_graph(model):
    """Weights under the names that they have in the graph."""
    def name(own):
        own = own.replace(".weight", ".w").replace(".bias", ".b")
        return "crf.trans" if own == "trans" else own
    return {name(k): v.detach().contiguous()
            for k, v in model.named_parameters()}


def from_graph(weights, cap, start):
    """The network whose weights these are, in their precision."""
    def own(name):
        name = name.replace(".w", ".weight") if name.endswith(".w") else name
        name = name.replace(".b", ".bias") if name.endswith(".b") else name
        return "trans" if name == "crf.trans" else name
    vocabulary, h = weights["pieces"].shape
    _, heads, _, _ = weights["layers.0.qkv"].shape
    model = Parser(vocabulary, len(weights["intent.b"]), cap, start, h=h,
                   heads=heads, inner=len(weights["layers.0.up.b"]),
                   layers=sum(k.endswith(".qkv") for k in weights),
                   drop=0.0)
    model.to(weights["pieces"].dtype)
    state = {own(k): v for k, v in weights.items()}
    model.load_state_dict({**state, "cap": cap, "start": start})
    return model.eval()


def crf_loss(e, trans, tags, words):
    """-log p(tags) of each sentence.

    The sum over the tag before runs in the exponential domain, scaled by the
    largest entry: one small matrix product a word. A tag that this makes
    underflow gets a score far below all others, which is what it has."""
    weight = trans.exp()
    size = e.shape[1]
    live = torch.arange(size)[None, :] < words[:, None]
    a = e[:, 0]
    for t in range(1, size):
        top = a.max(1, keepdim=True).values
        total = ((a - top).exp() @ weight).clamp_min(1e-30)
        a = torch.where(live[:, t:t + 1], total.log() + top + e[:, t], a)
    log_z = a.logsumexp(1)
    own = e.gather(2, tags[..., None])[..., 0]
    step = trans[tags[:, :-1], tags[:, 1:]]
    gold = (own * live).sum(1) + (step * live[:, 1:]).sum(1)
    return log_z - gold


@torch.no_grad()
def viterbi(e, trans, words):
    """Best paths as lists of tags; the lowest tag wins ties."""
    d, back = e[:, 0], []
    for t in range(1, e.shape[1]):
        best, b = (d[:, :, None] + trans).max(1)
        live = (t < words)[:, None]
        back.append(torch.where(live, b, torch.arange(e.shape[2])))
        d = torch.where(live, best + e[:, t], d)
    tag = d.argmax(1)
    path = [tag]
    for b in reversed(back):
        tag = b.gather(1, tag[:, None])[:, 0]
        path.append(tag)
    rows = torch.stack(path[::-1], 1).tolist()
    return [row[:n] for row, n in zip(rows, words.tolist())]
