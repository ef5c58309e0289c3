# SPDX-License-Identifier: Apache-2.0
"""Trains the utterance parser.

The data folder holds `train` and `valid`, each with `seq.in` (words),
`seq.out` (one BIO tag a word) and `label` (intent), line by line.

    train.py --data DIR --holdout           train on 9/10 of train, score 1/10
    train.py --data DIR --out DIR --seed 1  train on all of train, score valid
"""
import argparse
import collections
import copy
import json
import math
import os
import random
import time

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import pieces as wp
from network import CAP, Parser, crf_loss, to_graph, viterbi

Utterance = collections.namedtuple("Utterance", "words tags intent")


def read(folder):
    def lines(name):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            return f.read().splitlines()
    return [Utterance(w.split(), t.split(), i.strip()) for w, t, i
            in zip(lines("seq.in"), lines("seq.out"), lines("label"))]


def label_sets(data):
    tags = {t for u in data for t in u.tags} - {"O"}
    return ["O"] + sorted(tags), sorted({u.intent for u in data})


def legal(before, after):
    """BIO: I-x follows B-x or I-x only; `before` is None at the start."""
    return after[0] != "I" or (before is not None and before != "O"
                               and before[2:] == after[2:])


def masks(tags, masked):
    """Caps of the transitions and scores of the first tag."""
    if not masked:
        return torch.full((len(tags),) * 2, CAP), torch.zeros(len(tags))
    cap = [[CAP if legal(a, b) else -CAP for b in tags] for a in tags]
    return (torch.tensor(cap),
            torch.tensor([0.0 if legal(None, b) else -CAP for b in tags]))


def chunks(tags):
    """Chunks as (start, end, type), as the CoNLL scorer counts them: an I-x
    that continues nothing starts a chunk."""
    found, start = [], None
    for i, tag in enumerate(tags + ["O"]):
        before = tags[i - 1] if i else "O"
        inside = tag[0] == "I" and before != "O" and before[2:] == tag[2:]
        if start is not None and not inside:
            found.append((start, i, before[2:]))
            start = None
        if tag != "O" and not inside:
            start = i
    return found


class Varied:
    """Variants of the training sentences, drawn anew for every epoch.

    A slot's value is exchanged for another value of the same slot; words are
    cut in other ways; now and then a word is unknown, an apostrophe joins
    what the data keeps apart ("what s"), or a mark ends the sentence."""

    CLITICS = {"s", "m", "ll", "re", "ve", "d"}

    def __init__(self, data, swap, drop, unknown, seed):
        self.data, self.swap, self.drop, self.unknown = data, swap, drop, unknown
        self.rng = random.Random(seed)
        values = collections.defaultdict(set)
        for u in data:
            for start, end, kind in chunks(u.tags):
                values[kind].add(tuple(u.words[start:end]))
        self.values = {k: sorted(v) for k, v in values.items()}

    def exchange(self, u):
        words, tags, at = [], [], 0
        for start, end, kind in chunks(u.tags):
            words += u.words[at:start]
            tags += u.tags[at:start]
            value = u.words[start:end]
            if self.rng.random() < self.swap:
                value = list(self.rng.choice(self.values[kind]))
            inner = ["I-" + kind] * (len(value) - 1)
            words += value
            tags += ["B-" + kind] + inner
            at = end
        return words + u.words[at:], tags + u.tags[at:]

    def join(self, words, tags):
        out, kept = [], []
        for i, (word, tag) in enumerate(zip(words, tags)):
            joins = (out and word in self.CLITICS and self.rng.random() < 0.5
                     and (tag == "O" or tag[0] == "I"))
            if joins:
                out[-1] += "'" + word
            else:
                out.append(word)
                kept.append(tag)
        return out, kept

    def sentence(self, u, cutter):
        words, tags = self.exchange(u) if self.swap else (u.words, u.tags)
        words, tags = self.join(words, tags)
        if self.rng.random() < 0.1:
            words = words[:-1] + [words[-1] + self.rng.choice(".?!")]
        cuts = [cutter.cut(w, self.rng, self.drop) for w in words]
        cuts = [[] if self.rng.random() < self.unknown else c for c in cuts]
        return cuts, tags, u.intent


def encode(cuts, tags, intent, tag_at, intent_at):
    ids, first = [wp.CLS], []
    for cut in cuts:
        first.append(len(ids))
        ids += cut or [wp.UNK]
    return (ids + [wp.SEP], first, [tag_at[t] for t in tags],
            intent_at[intent])


def batch(rows):
    def padded(column):
        size = max(len(r[column]) for r in rows)
        return torch.tensor([r[column] + [0] * (size - len(r[column]))
                             for r in rows])
    return {"ids": padded(0), "length": torch.tensor([len(r[0]) for r in rows]),
            "word_first": padded(1), "tags": padded(2),
            "words": torch.tensor([len(r[1]) for r in rows]),
            "intent": torch.tensor([r[3] for r in rows])}


def batches(rows, size, rng=None):
    """Rows of similar length together; with `rng` in random order."""
    def key(row):
        return len(row[0]) + (rng.random() * 2 if rng else 0)
    rows = sorted(rows, key=key)
    parts = [rows[i:i + size] for i in range(0, len(rows), size)]
    if rng:
        rng.shuffle(parts)
    return [batch(p) for p in parts]


@torch.no_grad()
def score(model, rows, tags):
    """Slot F1, intent accuracy, number of sentences with illegal tags."""
    model.eval()
    found = wanted = both = right = illegal = total = 0
    for b in batches(rows, 100):
        intent, e = model(b["ids"], b["length"], b["word_first"])
        right += int((intent.argmax(1) == b["intent"]).sum())
        paths = viterbi(e, model.transitions(), b["words"])
        for path, gold in zip(paths, b["tags"].tolist()):
            got = [tags[t] for t in path]
            gold = [tags[t] for t in gold[:len(path)]]
            illegal += not all(map(legal, [None] + got, got))
            x, y = set(chunks(got)), set(chunks(gold))
            found, wanted, both = found + len(x), wanted + len(y), both + len(x & y)
            total += 1
    return {"slot_f1": 2 * both / (found + wanted), "intent": right / total,
            "illegal": illegal, "sentences": total}


class Average:
    """Exponential moving average of the weights."""

    def __init__(self, model, decay):
        self.model, self.decay, self.steps = copy.deepcopy(model), decay, 0

    @torch.no_grad()
    def update(self, model):
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for mean, now in zip(self.model.parameters(), model.parameters()):
            mean.lerp_(now, 1 - decay)


def rate(step, steps, warm):
    """Linear warm-up, then half a cosine to zero."""
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


def fit(model, varied, cutter, tag_at, intent_at, args, report):
    rng = random.Random(args.seed + 1)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": args.decay},
         {"params": vectors, "weight_decay": 0.0}],
        lr=args.rate, betas=(0.9, 0.98))
    steps = args.epochs * math.ceil(len(varied.data) / args.batch)
    mean, step = Average(model, args.average), 0
    for epoch in range(args.epochs):
        rows = [encode(*varied.sentence(u, cutter), tag_at, intent_at)
                for u in varied.data]
        model.train()
        start, losses = time.time(), []
        for b in batches(rows, args.batch, rng):
            for group in optimiser.param_groups:
                group["lr"] = args.rate * rate(step, steps, args.warm)
            intent, e = model(b["ids"], b["length"], b["word_first"])
            slots = crf_loss(e, model.transitions(), b["tags"], b["words"])
            loss = slots.mean() + args.intent_weight * F.cross_entropy(
                intent, b["intent"], label_smoothing=args.smooth)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            mean.update(model)
            losses.append(loss.item())
            step += 1
        report(epoch, sum(losses) / len(losses), time.time() - start, mean.model)
    return mean.model


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--data", required=True, help="folder with train and valid")
    p.add_argument("--out", help="folder that gets weights and scores")
    p.add_argument("--holdout", action="store_true",
                   help="train on nine tenths of train, score the other")
    p.add_argument("--unmasked", action="store_true",
                   help="leave illegal tag sequences possible")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--pieces", type=int, default=2500)
    p.add_argument("--width", type=int, default=128)
    p.add_argument("--inner", type=int, default=288)
    p.add_argument("--layers", type=int, default=3)
    p.add_argument("--places", type=int, default=0)
    p.add_argument("--epochs", type=int, default=25)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--rate", type=float, default=3e-3)
    p.add_argument("--warm", type=int, default=200)
    p.add_argument("--decay", type=float, default=0.05)
    p.add_argument("--average", type=float, default=0.999)
    p.add_argument("--dropout", type=float, default=0.15)
    p.add_argument("--swap", type=float, default=0.3)
    p.add_argument("--piece-drop", type=float, default=0.05)
    p.add_argument("--unknown", type=float, default=0.01)
    p.add_argument("--smooth", type=float, default=0.1)
    p.add_argument("--intent-weight", type=float, default=1.0)
    p.add_argument("--every", type=int, default=5, help="epochs between scores")
    return p.parse_args()


def main():
    args = arguments()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    data = read(os.path.join(args.data, "train"))
    tags, intents = label_sets(data)
    if args.holdout:
        random.Random(0).shuffle(data)
        tenth = len(data) // 10
        check, data = data[:tenth], data[tenth:]
    else:
        check = read(os.path.join(args.data, "valid"))
    tag_at = {t: i for i, t in enumerate(tags)}
    intent_at = {t: i for i, t in enumerate(intents)}
    cutter = wp.learn((w for u in data for w in u.words), args.pieces)
    check = [encode([cutter.cut(w) for w in u.words], u.tags, u.intent,
                    tag_at, intent_at) for u in check]
    model = Parser(len(cutter.names), len(intents),
                   *masks(tags, not args.unmasked), h=args.width,
                   inner=args.inner, layers=args.layers, places=args.places,
                   drop=args.dropout)
    size = sum(p.numel() for p in model.parameters())
    print(f"{len(cutter.names)} pieces, {size} parameters", flush=True)
    varied = Varied(data, args.swap, args.piece_drop, args.unknown, args.seed)

    def report(epoch, loss, seconds, mean):
        line = f"epoch {epoch} loss {loss:.4f} {seconds:.0f} s"
        if args.holdout and (epoch + 1) % args.every == 0:
            line += " " + json.dumps(score(mean, check, tags))
        print(line, flush=True)

    model = fit(model, varied, cutter, tag_at, intent_at, args, report)
    result = score(model, check, tags)
    print(json.dumps(result), flush=True)
    if args.out:
        os.makedirs(args.out, exist_ok=True)
        name = "unmasked" if args.unmasked else "utterance"
        save_file(to_graph(model), os.path.join(args.out, name + ".safetensors"))
        cutter.save(os.path.join(args.out, "pieces.txt"))
        with open(os.path.join(args.out, name + ".scores.json"), "w") as f:
            json.dump({**result, "settings": vars(args)}, f, indent=1)


if __name__ == "__main__":
    main()
