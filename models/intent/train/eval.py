#!/usr/bin/python3
"""Scores a checkpoint on a file of gen, or prints what it answers.

  eval.py --net DIR/student.pt --vocab vocab.json --data held.bin [--jsonl held.jsonl --show 20]

An example counts as right when every answer token is the most likely one, which is the
same as: greedy decoding without any constraint yields the wanted form exactly.
"""
import argparse
import json
from collections import defaultdict

import torch

import train


def right(net, data, size=64):
    """One boolean per example: is the whole answer the argmax."""
    out = []
    with torch.no_grad():
        for i in range(0, len(data), size):
            part = data[i:i + size]
            ids, at, want = train.collate(part)
            hit = net(ids, at).argmax(-1) == want
            out += [h.all().item() for h in hit.split([len(q) for _, q in part])]
    return out


def greedy(net, prompt, eos, most=80):
    """Most likely continuation of a prompt, up to and with <eos>."""
    ids, n = list(map(int, prompt)), len(prompt)
    with torch.no_grad():
        while len(ids) < n + most and (len(ids) == n or ids[-1] != eos):
            ids.append(net(torch.tensor([ids]), torch.tensor([len(ids) - 1])).argmax().item())
    return ids[n:]


def spelled(tokens, ids):
    """Readable form: specials by name, text as text."""
    alphabet = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    table = {chr(b): b for b in alphabet}
    table.update({chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in set(alphabet))})
    raw = bytearray()
    for i in ids:
        t = tokens[i]
        raw += (" " + t + " ").encode() if t[0] == "<" and len(t) > 2 else bytes(table[c] for c in t)
    return raw.decode("utf-8", "replace")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--net", required=True)
    p.add_argument("--vocab", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--jsonl")
    p.add_argument("--show", type=int, default=0)
    p.add_argument("--all", action="store_true", help="print every answer, right or wrong")
    a = p.parse_args()
    torch.set_num_threads(1)
    net, data = train.restore(a.net), train.load(a.data)
    tokens = json.load(open(a.vocab))["tokens"]
    notes = [json.loads(x) for x in open(a.jsonl)] if a.jsonl else [{"lang": "all", "wish": ""}] * len(data)
    ok = right(net, data) if not a.all else [False] * len(data)
    table = defaultdict(list)
    for o, n, (_, q) in zip(ok, notes, data):
        table[n["lang"]].append(o)
        if len(q):
            table[tokens[q[0]]].append(o)
        table["total"].append(o)
    if not a.all:
        print("  ".join("%s %.1f%% of %d" % (k, 100 * sum(v) / len(v), len(v)) for k, v in sorted(table.items())))
    for o, n, (x, q) in list(zip(ok, notes, data)):
        if not o and a.show > 0:
            a.show -= 1
            print("\n" + n["wish"])
            if not a.all:
                print("  want", spelled(tokens, q))
            print("  got ", spelled(tokens, greedy(net, x, tokens.index("<eos>"))))


if __name__ == "__main__":
    main()
