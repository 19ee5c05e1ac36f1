"""The two networks of the wish reader, in PyTorch.

Student: what GGUF calls `deepseek2` without YaRN: multi-head latent attention with
low-rank queries, one dense block, then blocks of routed experts with a shared one,
sigmoid gate with a selection bias (DeepSeek-V3, section 2.1; ENGINE.md section 9).
Teacher: the same attention, dense throughout with as many hidden channels as all experts together, and deeper; used only
to teach. It grows out of a student: one begun from nothing needs several times the training to copy names at all.

Activations are [batch, position, channel]. Matrices are kept in float32 and cast to
bfloat16 for every product: on CPUs with AVX512-BF16 that is the only fast path Debian's
build has (its BLAS is the reference one). float64 models (export check) are not cast.
"""
import math
from dataclasses import asdict, dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Config:
    """Sizes of a network; with `experts == 0` every block is dense."""
    vocab: int = 4608
    d: int = 256
    layers: int = 4
    heads: int = 8
    ff: int = 640
    nope: int = 32          # channels of a head without position
    rope: int = 16          # channels of a head with position
    vd: int = 32            # value channels of a head
    q_lora: int = 96
    kv_lora: int = 64
    lead: int = 1           # leading dense blocks
    experts: int = 8
    top: int = 2
    ffe: int = 160
    scale: float = 1.0      # expert_weights_scale
    base: float = 10000.0
    eps: float = 1e-6
    drop: float = 0.0       # dropout on what a block adds to the stream

    def dict(self):
        return asdict(self)


STUDENT = Config()
TEACHER = Config(layers=5, ff=STUDENT.ffe * (STUDENT.experts + 1), experts=0)


def low(t):
    """bfloat16 for float32 tensors; anything else is left alone."""
    return t.to(torch.bfloat16) if t.dtype == torch.float32 else t


def matmul(x, w):
    """x [..., in] times the rows of w [out, in]."""
    return F.linear(low(x), low(w))


class Norm(nn.Module):
    """Root-mean-square norm with a gain."""

    def __init__(self, d, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(d)), eps

    def forward(self, x):
        h = x.float() if x.dtype == torch.bfloat16 else x
        h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + self.eps)
        return low(h * self.weight)


def matrix(out, inn, std=None):
    """A weight [out, inn], normal with standard deviation 1/sqrt(inn) unless given."""
    return nn.Parameter(torch.randn(out, inn) * (std or inn ** -0.5))


def rotation(n, dims, base, like):
    """cos and sin [n, dims/2] of the rotary angles of positions 0..n-1."""
    i = torch.arange(0, dims, 2, dtype=torch.float64)
    th = torch.arange(n, dtype=torch.float64)[:, None] * base ** (-i / dims)
    return th.cos().to(like), th.sin().to(like)


def rotate(x, cs):
    """Rotates neighbouring pairs of x [batch, heads, position, dims]."""
    c, s = cs
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * c - b * s, a * s + b * c), -1).flatten(-2)


def attend(q, k, v, scale, mask):
    """Causal attention: q, k [B, H, T, dk], v [B, H, T, dv] -> [B, T, H*dv]."""
    s = torch.matmul(q * scale, k.transpose(-1, -2)) + mask
    o = torch.matmul(s.softmax(-1), v)
    return o.transpose(1, 2).flatten(2)


class LatentAttention(nn.Module):
    """MLA in its expanded form: queries by way of q_lora, keys and values of kv_lora."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.q_a = matrix(c.q_lora, c.d)
        self.q_a_norm = Norm(c.q_lora, c.eps)
        self.q_b = matrix(c.heads * (c.nope + c.rope), c.q_lora)
        self.kv_a = matrix(c.kv_lora + c.rope, c.d)
        self.kv_a_norm = Norm(c.kv_lora, c.eps)
        self.kv_b = matrix(c.heads * (c.nope + c.vd), c.kv_lora)
        self.out = matrix(c.d, c.heads * c.vd, (2 * c.layers * c.heads * c.vd) ** -0.5)

    def forward(self, h, rot, mask):
        c, (b, t, _) = self.c, h.shape
        q = matmul(self.q_a_norm(matmul(h, self.q_a)), self.q_b)
        q = q.view(b, t, c.heads, c.nope + c.rope).transpose(1, 2)
        a = matmul(h, self.kv_a)
        kv = matmul(self.kv_a_norm(a[..., :c.kv_lora]), self.kv_b)
        kv = kv.view(b, t, c.heads, c.nope + c.vd).transpose(1, 2)
        kr = rotate(a[:, None, :, c.kv_lora:], rot).expand(b, c.heads, t, c.rope)
        q = torch.cat((q[..., :c.nope], rotate(q[..., c.nope:], rot)), -1)
        k = torch.cat((kv[..., :c.nope], kr), -1)
        o = attend(q, k, kv[..., c.nope:], (c.nope + c.rope) ** -0.5, mask)
        return matmul(o, self.out)


class Dense(nn.Module):
    """SwiGLU feed-forward block."""

    def __init__(self, c, ff):
        super().__init__()
        self.gate, self.up = matrix(ff, c.d), matrix(ff, c.d)
        self.down = matrix(c.d, ff, (2 * c.layers * ff) ** -0.5)

    def forward(self, h):
        return matmul(F.silu(matmul(h, self.gate)) * matmul(h, self.up), self.down)


class Experts(nn.Module):
    """Routed experts (top of `experts`) plus one shared expert.

    `bias` serves selection only; the trainer moves it against each expert's load
    (DeepSeek-V3's balancing without an auxiliary loss), `load` counts the picks.
    """

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.router = matrix(c.experts, c.d)
        self.register_buffer("bias", torch.zeros(c.experts))
        self.register_buffer("load", torch.zeros(c.experts), persistent=False)
        self.gate = nn.Parameter(torch.randn(c.experts, c.ffe, c.d) * c.d ** -0.5)
        self.up = nn.Parameter(torch.randn(c.experts, c.ffe, c.d) * c.d ** -0.5)
        self.down = nn.Parameter(torch.randn(c.experts, c.d, c.ffe) * (2 * c.layers * c.ffe) ** -0.5)
        self.shared = Dense(c, c.ffe)

    def route(self, x):
        """x [N, d] -> expert ids [N, top] and weights [N, top]."""
        x = x.float() if x.dtype == torch.bfloat16 else x
        s = torch.sigmoid((x[:, None, :] * self.router).sum(-1) if x.dtype == torch.float64
                          else matmul(x, self.router).float())
        ids = (s + self.bias).topk(self.c.top, -1)[1]
        w = s.gather(1, ids)
        return ids, w / w.sum(-1, keepdim=True) * self.c.scale

    def forward(self, h):
        x = h.reshape(-1, h.shape[-1])
        ids, w = self.route(x)
        flat = ids.flatten()
        count = torch.bincount(flat, minlength=self.c.experts)
        if self.training:
            self.load += count
        order = flat.argsort()
        rows = torch.div(order, self.c.top, rounding_mode="floor")
        xs = x.index_select(0, rows).split(count.tolist())
        gate, up, down = low(self.gate), low(self.up), low(self.down)
        ys = [F.linear(F.silu(F.linear(p, gate[e])) * F.linear(p, up[e]), down[e])
              for e, p in enumerate(xs)]
        y = torch.cat(ys) * w.flatten()[order].to(x.dtype)[:, None]
        out = torch.zeros_like(x).index_add(0, rows, y)
        return self.shared(h) + out.view_as(h)


class Block(nn.Module):
    """Pre-norm attention and feed-forward."""

    def __init__(self, c, i):
        super().__init__()
        self.attn_norm, self.ffn_norm = Norm(c.d, c.eps), Norm(c.d, c.eps)
        self.attn = LatentAttention(c)
        self.ffn = Experts(c) if c.experts and i >= c.lead else Dense(c, c.ff)
        self.drop = c.drop

    def forward(self, x, rot, mask):
        x = x + F.dropout(self.attn(self.attn_norm(x), rot, mask), self.drop, self.training)
        return x + F.dropout(self.ffn(self.ffn_norm(x)), self.drop, self.training)


class Model(nn.Module):
    """Decoder; `forward` gives logits only where they are asked for."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.embed = nn.Embedding(c.vocab, c.d)
        nn.init.normal_(self.embed.weight, std=0.5)
        self.blocks = nn.ModuleList(Block(c, i) for i in range(c.layers))
        self.norm = Norm(c.d, c.eps)
        self.head = matrix(c.vocab, c.d, 0.02)

    def forward(self, ids, at=None):
        """ids [B, T] -> logits [N, vocab] of the flat positions `at` (all when None)."""
        c, t = self.c, ids.shape[1]
        x = self.embed(ids)
        like = low(x[:0])
        rot = rotation(t, c.rope, c.base, like)
        mask = torch.full((t, t), -math.inf).triu(1).to(like)
        for b in self.blocks:
            x = b(x, rot, mask)
        x = x.flatten(0, 1)
        if at is not None:
            x = x.index_select(0, at)
        y = matmul(self.norm(x), self.head)
        return y.float() if y.dtype == torch.bfloat16 else y


def grow(net, student):
    """Starts the dense network `net` as nearly the function of a student with experts as it can be.

    The hidden channels of a block are those of its shared expert and of all routed ones, the latter weighted by the
    mean of the gate; blocks beyond the student's begin as the identity.
    """
    with torch.no_grad():
        for name in ("embed.weight", "norm.weight", "head"):
            net.get_parameter(name).copy_(student.get_parameter(name))
        for i, b in enumerate(net.blocks):
            if i >= len(student.blocks):
                b.attn.out.zero_()
                b.ffn.down.zero_()
                continue
            s = student.blocks[i]
            for part in ("attn_norm", "ffn_norm", "attn"):
                getattr(b, part).load_state_dict(getattr(s, part).state_dict())
            widen(b.ffn, s.ffn)


def widen(dense, small):
    """Copies a smaller feed-forward block, or a block of experts, into a dense one."""
    if isinstance(small, Dense):
        n = small.gate.shape[0]
        dense.gate[:n], dense.up[:n], dense.down[:, :n] = small.gate, small.up, small.down
        dense.down[:, n:] = 0
        return
    share, shared = small.c.scale / small.c.experts, small.shared
    dense.gate.copy_(torch.cat((shared.gate, small.gate.flatten(0, 1))))
    dense.up.copy_(torch.cat((shared.up, small.up.flatten(0, 1))))
    dense.down.copy_(torch.cat((shared.down, *(share * d for d in small.down)), 1))


def count(model):
    """Parameters: (total, used for a token); the embedding counts as one row."""
    c = model.c
    total = sum(p.numel() for p in model.parameters())
    idle = c.vocab * c.d - c.d
    if c.experts:
        idle += (c.layers - c.lead) * (c.experts - c.top) * 3 * c.d * c.ffe
    return total, total - idle
