"""Muon: momentum whose update is made orthogonal by a Newton-Schulz iteration.

Keller Jordan et al. 2024. A few hundred steps on two shared cores have to do, and for
small decoders it needs markedly fewer of them than AdamW. It takes the matrices inside
the blocks (stacked experts count as several); AdamW keeps embeddings, head and gains.
"""
import torch


def orthogonal(g, rounds=5):
    """Nearest orthogonal matrices, roughly, of g [..., m, n] (all singular values near 1)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = g.shape[-2] > g.shape[-1]
    x = (g.transpose(-1, -2) if tall else g).contiguous()
    x = (x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)).to(torch.bfloat16)
    for _ in range(rounds):
        s = torch.bmm(x, x.transpose(-1, -2))
        x = a * x + torch.bmm(b * s + c * torch.bmm(s, s), x)
    return (x.transpose(-1, -2) if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Weight decay is decoupled; the step of a matrix [m, n] is lr*sqrt(max(1, m/n))."""

    def __init__(self, params, lr, momentum=0.95, decay=0.0):
        super().__init__(list(params), {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for shape in sorted({p.shape[-2:] for p in group["params"]}):
                self.update([p for p in group["params"] if p.shape[-2:] == shape and p.grad is not None], group)

    def update(self, params, group):
        """Moves all matrices of one shape with one batched iteration."""
        m, n = params[0].shape[-2:]
        moves = []
        for p in params:
            v = self.state[p].setdefault("v", torch.zeros_like(p))
            v.mul_(group["momentum"]).add_(p.grad)
            moves.append(p.grad.add(v, alpha=group["momentum"]).view(-1, m, n))
        step = orthogonal(torch.cat(moves)).split([len(x) for x in moves])
        size = group["lr"] * max(1.0, m / n) ** 0.5
        for p, u in zip(params, step):
            p.mul_(1 - group["lr"] * group["decay"]).add_(u.view_as(p), alpha=-size)
