#!/usr/bin/python3
"""Trains a wish reader on the token ids that gen wrote.

  train.py --data train.bin --vocab vocab.json --out DIR --net teacher --steps 6000
  train.py --data train.bin --vocab vocab.json --out DIR --net student --teacher DIR/teacher.pt
  train.py --data train.bin --vocab vocab.json --out DIR --net student     the undistilled control
  train.py ... --init DIR/student.pt --name distilled --begin 0.5 --teacher DIR/teacher.pt

Writes DIR/NAME.pt every --save steps and resumes from it. Only positions after <order>
carry a loss. With a teacher the loss is (1-a)*CE + a*T^2*KL(teacher || student).
"""
import argparse
import json
import math
import os
import signal
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import model as nets
from muon import Muon


def load(path):
    """Reads gen's file: list of (prompt, answer), arrays of ids."""
    a = np.fromfile(path, "<u2")
    out, i = [], 0
    while i < len(a):
        p, q = int(a[i]), int(a[i + 1])
        out.append((a[i + 2:i + 2 + p], a[i + 2 + p:i + 2 + p + q]))
        i += 2 + p + q
    return out


def batches(data, rng, tokens, longest=448):
    """Endless batches of about `tokens` ids, of examples of nearly the same length."""
    size = np.array([len(p) + len(q) for p, q in data])
    while True:
        order = rng.permutation(len(data))
        order = order[size[order] <= longest]
        pool = 64 * max(1, tokens // 64)
        for i in range(0, len(order), pool):
            part = order[i:i + pool]
            part = part[np.argsort(size[part], kind="stable")]
            cuts, n = [], 0
            for j in range(len(part)):
                if (j - n + 1) * size[part[j]] > tokens:
                    cuts.append(part[n:j])
                    n = j
            for k in rng.permutation(len(cuts)):
                yield [data[j] for j in cuts[k]]


def disturb(batch, rng, words, share):
    """Exchanges one to three ids of text in a share of the examples, in prompt and answer alike.

    A name is then one that was never seen, and must be told by what stands around it; a word is one that says nothing.
    """
    out, ids = [], np.flatnonzero(words)
    for p, q in batch:
        if rng.random() < share:
            text = np.unique(p[words[p]])
            if len(text) > 3:
                p, q = p.copy(), q.copy()
                for old in rng.choice(text, rng.integers(1, 4), replace=False):
                    new = ids[rng.integers(len(ids))]
                    p[p == old], q[q == old] = new, new
        out.append((p, q))
    return out


def collate(batch):
    """ids [B, T], flat positions that predict an answer token, and those tokens."""
    t = max(len(p) + len(q) for p, q in batch) - 1
    ids = np.zeros((len(batch), t), np.int64)
    at, want = [], []
    for b, (p, q) in enumerate(batch):
        ids[b, :len(p)] = p
        ids[b, len(p):len(p) + len(q) - 1] = q[:-1]
        at.append(b * t + len(p) - 1 + np.arange(len(q)))
        want.append(q.astype(np.int64))
    return torch.from_numpy(ids), torch.from_numpy(np.concatenate(at)), torch.from_numpy(np.concatenate(want))


def rate(x, peak, warm=0.04):
    """Learning rate at share x of the schedule: linear warm-up, then a cosine to 3 %."""
    if x < warm:
        return peak * (x + 0.001) / warm
    return peak * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * min(1, (x - warm) / (1 - warm)))))


def balance(net, speed):
    """Moves each expert's selection bias against its load, then forgets the load."""
    worst = 1.0
    for b in net.blocks:
        if isinstance(b.ffn, nets.Experts):
            share = b.ffn.load / b.ffn.load.sum() * net.c.experts
            b.ffn.bias += speed * torch.sign(1 - share)
            b.ffn.bias -= b.ffn.bias.mean()
            worst = max(worst, share.max().item())
            b.ffn.load.zero_()
    return worst


def distil(logits, want, guide, mix, heat):
    """Cross-entropy mixed with the divergence from the teacher's logits."""
    loss = F.cross_entropy(logits, want)
    if guide is None:
        return loss
    kl = F.kl_div((logits / heat).log_softmax(-1), (guide / heat).log_softmax(-1), log_target=True, reduction="batchmean")
    return (1 - mix) * loss + mix * heat * heat * kl


def restore(path):
    """The network of a checkpoint, ready to evaluate."""
    saved = torch.load(path, map_location="cpu")
    net = nets.Model(nets.Config(**saved["config"]))
    net.load_state_dict(saved["net"])
    return net.eval()


def optimizers(net):
    """Muon for the matrices of the blocks, Adam for embeddings, head, routers and gains."""
    inner = [p for n, p in net.named_parameters() if p.dim() > 1 and n.startswith("blocks") and "router" not in n]
    taken = set(map(id, inner))
    outer = [p for p in net.parameters() if id(p) not in taken]
    return [Muon(inner, lr=0, decay=0.01), torch.optim.Adam(outer, lr=0, betas=(0.9, 0.98), eps=1e-8, foreach=True)]


class Run:
    """One training run: network, optimiser, average of the weights, checkpoint."""

    def __init__(self, a):
        self.a, self.path = a, os.path.join(a.out, a.name + ".pt")
        self.words = np.array(json.load(open(a.vocab))["types"]) == 1  # text, not specials
        self.rng, vocab = np.random.default_rng(a.seed + 1), len(self.words)
        base = nets.TEACHER if a.net == "teacher" else nets.STUDENT
        self.net = nets.Model(nets.Config(**{**base.dict(), "vocab": vocab, **json.loads(a.set)}))
        if a.grow:
            nets.grow(self.net, restore(a.grow))
        self.opts, self.step = optimizers(self.net), 0
        self.mean = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.guide = restore(a.teacher) if a.teacher else None
        self.spent, self.mark = 0.0, time.time()
        if os.path.exists(self.path):
            self.resume(torch.load(self.path, map_location="cpu"))
        elif a.init:
            self.resume(torch.load(a.init, map_location="cpu"))
            self.step, self.spent = 0, 0.0

    def resume(self, saved):
        self.net.load_state_dict(saved["last"])
        for o, state in zip(self.opts, saved.get("opts", [])):
            o.load_state_dict(state)
        self.step, self.mean, self.spent = saved["step"], saved["net"], saved.get("spent", 0.0)

    def done(self):
        """Share of this run that is over, by steps or by time."""
        if self.a.minutes:
            return (self.spent + time.time() - self.mark) / (60 * self.a.minutes)
        return self.step / self.a.steps

    def progress(self):
        """Place in the schedule, of which a run may cover only a part."""
        return self.a.begin + (self.a.finish - self.a.begin) * min(1, self.done())

    def save(self):
        """The averaged weights are what evaluation and export use."""
        state = {"config": self.net.c.dict(), "net": self.mean, "last": self.net.state_dict(),
                 "opts": [o.state_dict() for o in self.opts], "step": self.step, "spent": self.spent + time.time() - self.mark}
        torch.save(state, self.path + ".new")
        os.replace(self.path + ".new", self.path)

    def average(self):
        """Exponential mean of the weights over the last 60 steps or so."""
        keep = 1 - 1 / min(self.step * 0.1 + 1, 60)
        with torch.no_grad():
            for k, v in self.net.state_dict().items():
                self.mean[k].mul_(keep).add_(v, alpha=1 - keep)

    def update(self, batch):
        ids, at, want = collate(disturb(batch, self.rng, self.words, self.a.disturb))
        guide = None
        if self.guide is not None:
            with torch.no_grad():
                guide = self.guide(ids, at)
        loss = distil(self.net(ids, at), want, guide, self.a.mix, self.a.heat)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        for o, peak in zip(self.opts, (self.a.muon, self.a.lr)):
            o.param_groups[0]["lr"] = rate(self.progress(), peak)
            o.step()
            o.zero_grad(set_to_none=True)
        self.step += 1
        self.average()
        return loss.item(), ids.numel()


def train(a):
    torch.set_num_threads(a.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(a.seed)
    run = Run(a)
    print("%s: %d parameters, %d active" % (a.name, *nets.count(run.net)), flush=True)
    feed = batches(load(a.data), np.random.default_rng(a.seed + run.step), a.tokens)
    lost, seen, since = 0.0, 0, time.time()
    signal.signal(signal.SIGTERM, lambda *_: (run.save(), sys.exit(0)))
    while run.done() < 1:
        loss, n = run.update(next(feed))
        lost, seen = lost + loss, seen + n
        worst = balance(run.net, 0.002 if run.progress() < 0.9 else 0.0) if a.net == "student" else 1.0
        if run.step % 50 == 0:
            print("step %d loss %.4f lr %.1e tokens/s %.0f busiest expert %.2f"
                  % (run.step, lost / 50, run.opts[1].param_groups[0]["lr"], seen / (time.time() - since), worst), flush=True)
            lost, seen, since = 0.0, 0, time.time()
        if run.step % a.save == 0:
            run.save()
    run.save()


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--vocab", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--net", choices=["teacher", "student"], default="student")
    p.add_argument("--name", help="name of the checkpoint (default: the network)")
    p.add_argument("--teacher", help="checkpoint to learn from")
    p.add_argument("--init", help="checkpoint to go on from, optimiser included")
    p.add_argument("--grow", help="checkpoint of a student that a teacher grows out of")
    p.add_argument("--steps", type=int, default=6000)
    p.add_argument("--minutes", type=float, default=0, help="stop after this time instead")
    p.add_argument("--begin", type=float, default=0.0, help="share of the schedule at which this run begins")
    p.add_argument("--finish", type=float, default=1.0, help="share of the schedule at which it ends")
    p.add_argument("--tokens", type=int, default=3072, help="ids a batch")
    p.add_argument("--lr", type=float, default=2e-3, help="peak rate of Adam")
    p.add_argument("--muon", type=float, default=0.02, help="peak rate of Muon")
    p.add_argument("--mix", type=float, default=0.7, help="share of the divergence")
    p.add_argument("--heat", type=float, default=1.5, help="temperature of both distributions")
    p.add_argument("--disturb", type=float, default=0.15, help="share of examples of which some words are exchanged")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--save", type=int, default=200)
    p.add_argument("--set", default="{}", help="JSON of sizes to override")
    a = p.parse_args()
    a.name = a.name or a.net
    return a


if __name__ == "__main__":
    train(arguments())
