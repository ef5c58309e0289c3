# SPDX-License-Identifier: Apache-2.0
"""What the trained network says about a text, in double precision.

    predict.py [--unmasked] TEXT..     as people read it
    predict.py --tests NAME=TEXT..     as tests for model.json

Weights and labels are read from the folder of this file.
"""
import argparse
import json
import os

import torch
from safetensors.torch import load_file

import pieces as wp
from network import from_graph, viterbi
from train import batch, encode, masks

HERE = os.path.dirname(os.path.abspath(__file__))


def load(name, folder=HERE):
    with open(os.path.join(HERE, "model.json"), encoding="utf-8") as f:
        labels = json.load(f)["labels"]
    weights = load_file(os.path.join(folder, name + ".safetensors"))
    weights = {k: v.double() for k, v in weights.items()}
    cap, start = masks(labels["slots"], name != "unmasked")
    model = from_graph(weights, cap.double(), start.double())
    return model, wp.Pieces.load(os.path.join(folder, "pieces.txt")), labels


@torch.no_grad()
def parse(model, cutter, labels, text):
    """Intent, its probabilities, and words with their tags."""
    tags, intents = labels["slots"], labels["intents"]
    words = [w for w in text.split() if cutter.cut(w)]
    cuts = [cutter.cut(w) for w in words]
    row = encode(cuts, ["O"] * len(words), 0, {"O": 0}, [0])
    b = batch([row if words else (row[0], [0], [0], 0)])
    logits, e = model(b["ids"], b["length"], b["word_first"])
    path = viterbi(e, model.transitions(), b["words"])[0]
    return (intents[int(logits.argmax())], logits.softmax(1)[0].tolist(),
            words, [tags[t] for t in path])


def as_test(name, text, intent, p, tags):
    def text_of(value):
        return json.dumps(value, ensure_ascii=False)
    p = ", ".join(f"{x:.7f}" for x in p)
    return (f'{{"name": {text_of(name)}, "needs": "files", "tol": {{"abs": 1e-5}},\n'
            f' "inputs": {{"text": [{text_of(text)}]}},\n'
            f' "outputs": {{"intent": [{text_of(intent)}],\n'
            f'             "intent_p": [[{p}]],\n'
            f'             "slots": [{text_of(tags)}]}}}}')


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--unmasked", action="store_true")
    p.add_argument("--tests", action="store_true")
    p.add_argument("texts", nargs="+")
    args = p.parse_args()
    parser = load("unmasked" if args.unmasked else "utterance")
    for text in args.texts:
        if args.tests:
            name, text = text.split("=", 1)
        intent, p, words, tags = parse(*parser, text)
        if args.tests:
            print(as_test(name, text, intent, p, tags))
        else:
            print(f"{intent} {max(p):.3f}:",
                  " ".join(f"{w}[{t}]" if t != "O" else w
                           for w, t in zip(words, tags)))


if __name__ == "__main__":
    main()
