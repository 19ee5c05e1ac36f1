#!/usr/bin/python3
"""Averages the weights of checkpoints that grew from the same start: mean.py OUT.pt A.pt B.pt ...

Two students trained from one trunk err in different places; the mean of their weights is better than either
(Wortsman et al. 2022, "Model soups").
"""
import sys

import torch


def mean(paths):
    """The first checkpoint with the mean of all weights, without optimiser state."""
    all = [torch.load(p, map_location="cpu") for p in paths]
    if any(a["config"] != all[0]["config"] for a in all):
        sys.exit("the networks differ in size")
    net = {k: sum(a["net"][k] for a in all) / len(all) if v.is_floating_point() else v for k, v in all[0]["net"].items()}
    return {"config": all[0]["config"], "net": net, "last": net, "step": 0}


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    torch.save(mean(sys.argv[2:]), sys.argv[1])
