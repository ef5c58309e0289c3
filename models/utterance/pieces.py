# SPDX-License-Identifier: Apache-2.0
"""Word pieces: how text is cut, and how the vocabulary is learned.

The cutting is that of BERT's basic and word-piece tokenizers, which the
`wordpiece` kind of a text input does at run time.
"""
import collections
import unicodedata

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
PAD, UNK, CLS, SEP = range(4)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789" + "æøœðþłđßıħ"
MARKS = [chr(c) for c in range(33, 127) if not chr(c).isalnum()] + list("–—‘’“”…¡¿")


def plain(word):
    """Lower case, accents stripped."""
    decomposed = unicodedata.normalize("NFD", word)
    return "".join(c for c in decomposed
                   if unicodedata.category(c) != "Mn").lower()


def is_mark(c):
    ascii_mark = 33 <= ord(c) <= 126 and not c.isalnum()
    return ascii_mark or unicodedata.category(c).startswith("P")


def is_dropped(c):
    return c == "\ufffd" or unicodedata.category(c) in ("Cc", "Cf", "Co")


def is_ideograph(c):
    return any(low <= ord(c) <= high for low, high in (
        (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF),
        (0x2A700, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)))


def atoms(word):
    """The runs of a word: punctuation and ideographs stand alone."""
    runs, open_run = [], False
    for c in word:
        if is_dropped(c):
            continue
        for part in plain(c):
            alone = is_mark(part) or is_ideograph(c)
            if open_run and not alone:
                runs[-1] += part
            else:
                runs.append(part)
            open_run = not alone
    return runs


class Pieces:
    def __init__(self, names):
        self.names = names
        self.at = {name: i for i, name in enumerate(names)}
        self.known = {}

    def cut_run(self, run, rng=None, drop=0.0):
        """Longest match first; with `drop`, a match is passed over by chance
        in favour of the next shorter one, so that one word is seen in several
        spellings during training."""
        ids, start = [], 0
        while start < len(run):
            mark = "##" if start else ""
            end = len(run)
            while end > start:
                found = self.at.get(mark + run[start:end])
                passed = drop and end - start > 1 and rng.random() < drop
                if found is not None and not passed:
                    break
                end -= 1
            if end == start:
                return [UNK]
            ids.append(found)
            start = end
        return ids

    def cut(self, word, rng=None, drop=0.0):
        if drop:
            return [i for run in atoms(word)
                    for i in self.cut_run(run, rng, drop)]
        if word not in self.known:
            self.known[word] = [i for run in atoms(word)
                                for i in self.cut_run(run)]
        return self.known[word]

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as f:
            return cls(f.read().splitlines())

    def save(self, path):
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(self.names) + "\n")


def learn(words, size):
    """A vocabulary of `size` pieces from an iterable of words.

    Pairs of neighbours are merged, the most frequent first, ties in the order
    of their spelling. Every letter of the alphabet is a piece, at the start of
    a word and inside, so that no word in it is unknown."""
    count = collections.Counter(run for word in words for run in atoms(word))
    runs = sorted(run for run in count if set(run) <= set(LETTERS))
    spell = [[run[0]] + ["##" + c for c in run[1:]] for run in runs]
    times = [count[run] for run in runs]
    names = SPECIAL + MARKS + list(LETTERS) + ["##" + c for c in LETTERS]

    pairs, where = collections.Counter(), collections.defaultdict(set)
    for i, parts in enumerate(spell):
        for pair in zip(parts, parts[1:]):
            pairs[pair] += times[i]
            where[pair].add(i)
    while len(names) < size:
        best = min(pairs, key=lambda p: (-pairs[p], p))
        if pairs[best] < 2:
            break
        joined = best[0] + best[1][2:]
        if joined not in names:
            names.append(joined)
        for i in where.pop(best):
            parts = spell[i]
            for pair in zip(parts, parts[1:]):
                pairs[pair] -= times[i]
            spell[i] = parts = merge(parts, best, joined)
            for pair in zip(parts, parts[1:]):
                pairs[pair] += times[i]
                where[pair].add(i)
        del pairs[best]
    return Pieces(names)


def merge(parts, pair, joined):
    out = []
    for part in parts:
        if out and (out[-1], part) == pair:
            out[-1] = joined
        else:
            out.append(part)
    return out
