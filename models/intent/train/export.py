#!/usr/bin/python3
"""Writes a trained network as a GGUF file of architecture deepseek2.

  export.py --net DIR/student.pt --vocab vocab.json --out intent.gguf
  export.py ... --refmodel .../refmodel.py    also compare with a reference forward pass

Matrices become Q8_0 (blocks of 32 with one F16 scale), norms, router and score bias stay
F32. Expert tensors are stacked [experts, out, in]. No key asks for YaRN, so engines use
the plain rotary embedding and a softmax scale of 1/sqrt(head size).
"""
import argparse
import importlib.util
import json
import os
import struct
import sys

import numpy as np
import torch

import model as nets
import train

U32, I32, F32, BOOL, STR, ARR = 4, 5, 6, 7, 8, 9
Q8_0 = 8
ALIGN = 32


def text(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def value(t, v):
    """One metadata value; arrays are (element type, list)."""
    if t == STR:
        return text(v)
    if t == ARR:
        e, items = v
        return struct.pack("<IQ", e, len(items)) + b"".join(value(e, x) for x in items)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[t], v)


def routing(a, c):
    """Keys of a network with experts."""
    return [
        (a + "expert_count", U32, c.experts), (a + "expert_used_count", U32, c.top), (a + "expert_shared_count", U32, 1),
        (a + "expert_feed_forward_length", U32, c.ffe), (a + "expert_weights_scale", F32, c.scale),
        (a + "expert_weights_norm", BOOL, True), (a + "expert_gating_func", U32, 2),
    ]


def metadata(c, vocab):
    """Keys of the file: [(name, type, value)]."""
    a = "deepseek2."
    ids = {t: i for i, t in enumerate(vocab["tokens"])}
    return [
        ("general.architecture", STR, "deepseek2"), ("general.name", STR, "weir-intent"),
        ("general.license", STR, "apache-2.0"), ("general.file_type", U32, 7),
        ("general.quantization_version", U32, 2), ("general.alignment", U32, ALIGN),
        (a + "block_count", U32, c.layers), (a + "context_length", U32, 1024),
        (a + "embedding_length", U32, c.d), (a + "feed_forward_length", U32, c.ff),
        (a + "attention.head_count", U32, c.heads), (a + "attention.head_count_kv", U32, c.heads),
        (a + "attention.key_length", U32, c.nope + c.rope), (a + "attention.value_length", U32, c.vd),
        (a + "attention.q_lora_rank", U32, c.q_lora), (a + "attention.kv_lora_rank", U32, c.kv_lora),
        (a + "attention.layer_norm_rms_epsilon", F32, c.eps), (a + "vocab_size", U32, c.vocab),
        (a + "rope.dimension_count", U32, c.rope), (a + "rope.freq_base", F32, c.base),
        (a + "leading_dense_block_count", U32, c.lead if c.experts else c.layers), *(routing(a, c) if c.experts else []),
        ("tokenizer.ggml.model", STR, "gpt2"), ("tokenizer.ggml.pre", STR, "qwen2"),
        ("tokenizer.ggml.tokens", ARR, (STR, vocab["tokens"])),
        ("tokenizer.ggml.token_type", ARR, (I32, vocab["types"])),
        ("tokenizer.ggml.merges", ARR, (STR, vocab["merges"])),
        ("tokenizer.ggml.bos_token_id", U32, ids["<bos>"]), ("tokenizer.ggml.eos_token_id", U32, ids["<eos>"]),
        ("tokenizer.ggml.padding_token_id", U32, ids["<eos>"]),
        ("tokenizer.ggml.add_bos_token", BOOL, False), ("tokenizer.ggml.add_eos_token", BOOL, False),
    ]


def tensors(net):
    """Yields (name, array in row-major order, quantise)."""
    s = {k: v.double().numpy() for k, v in net.state_dict().items()}
    c = net.c
    yield "token_embd.weight", s["embed.weight"], True
    for i in range(c.layers):
        f, t = "blocks.%d." % i, "blk.%d." % i
        yield t + "attn_norm.weight", s[f + "attn_norm.weight"], False
        for theirs, ours in (("attn_q_a", "q_a"), ("attn_q_b", "q_b"), ("attn_kv_a_mqa", "kv_a"),
                             ("attn_kv_b", "kv_b"), ("attn_output", "out")):
            yield t + theirs + ".weight", s[f + "attn." + ours], True
        yield t + "attn_q_a_norm.weight", s[f + "attn.q_a_norm.weight"], False
        yield t + "attn_kv_a_norm.weight", s[f + "attn.kv_a_norm.weight"], False
        yield t + "ffn_norm.weight", s[f + "ffn_norm.weight"], False
        if i < c.lead or not c.experts:
            for k in ("gate", "up", "down"):
                yield t + "ffn_%s.weight" % k, s[f + "ffn." + k], True
            continue
        yield t + "ffn_gate_inp.weight", s[f + "ffn.router"], False
        yield t + "exp_probs_b.bias", s[f + "ffn.bias"], False
        for k in ("gate", "up", "down"):
            yield t + "ffn_%s_exps.weight" % k, s[f + "ffn." + k], True
            yield t + "ffn_%s_shexp.weight" % k, s[f + "ffn.shared." + k], True
    yield "output_norm.weight", s["norm.weight"], False
    yield "output.weight", s["head"], True


def blocks(w):
    """Q8_0 bytes of w, whose rows are multiples of 32."""
    x = w.astype(np.float32).reshape(-1, 32)
    d = np.abs(x).max(1) / 127
    inv = np.divide(1, d, out=np.zeros_like(d), where=d > 0)
    q = np.clip(np.rint(x * inv[:, None]), -127, 127).astype(np.int8)
    return np.concatenate((d.astype("<f2").view(np.uint8).reshape(-1, 2), q.view(np.uint8)), 1).tobytes()


def write(net, vocab, path):
    """Writes the GGUF file."""
    items, offset = [], 0
    for name, w, quantise in tensors(net):
        raw = blocks(w) if quantise else w.astype("<f4").tobytes()
        items.append((name, w.shape[::-1], Q8_0 if quantise else 0, offset, raw))
        offset += -(-len(raw) // ALIGN) * ALIGN
    keys = metadata(net.c, vocab)
    with open(path, "wb") as f:
        f.write(struct.pack("<4sIQQ", b"GGUF", 3, len(items), len(keys)))
        for k, t, v in keys:
            f.write(text(k) + struct.pack("<I", t) + value(t, v))
        for name, shape, kind, at, _ in items:
            f.write(text(name) + struct.pack("<I", len(shape)) + struct.pack("<%dQ" % len(shape), *shape)
                    + struct.pack("<IQ", kind, at))
        for *_, raw in items:
            f.write(b"\0" * (-f.tell() % ALIGN) + raw)
        f.write(b"\0" * (-f.tell() % ALIGN))
    print("%s: %d bytes, %d parameters, %d active" % (path, os.path.getsize(path), *nets.count(net)))


def reference(path):
    """The module at path, which offers load(file) and forward(metadata, weights, ids)."""
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("refmodel", path)
    mod = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mod)
    return mod


def dequantised(net, weights):
    """A float64 copy of net that holds the weights of the file."""
    copy = nets.Model(net.c).double().eval()
    state = copy.state_dict()
    names = [n for n, _, _ in tensors(net)]
    for name, key in zip(names, keys_in_order(net.c)):
        state[key].copy_(torch.from_numpy(weights[name]))
    return copy


def keys_in_order(c):
    """State names in the order in which tensors() yields them."""
    out = ["embed.weight"]
    for i in range(c.layers):
        f = "blocks.%d." % i
        out += [f + k for k in ("attn_norm.weight", "attn.q_a", "attn.q_b", "attn.kv_a", "attn.kv_b", "attn.out",
                                "attn.q_a_norm.weight", "attn.kv_a_norm.weight", "ffn_norm.weight")]
        if i < c.lead or not c.experts:
            out += [f + "ffn." + k for k in ("gate", "up", "down")]
            continue
        out += [f + "ffn.router", f + "ffn.bias"]
        for k in ("gate", "up", "down"):
            out += [f + "ffn." + k, f + "ffn.shared." + k]
    return out + ["norm.weight", "head"]


def check(net, path, tool):
    """Largest difference between our logits and the reference's on the file's weights."""
    mod = reference(tool)
    kv, weights = mod.load(path)
    copy = dequantised(net, weights)
    rng = np.random.default_rng(1)
    worst = 0.0
    for n in (1, 7, 60):
        ids = rng.integers(0, net.c.vocab, n)
        with torch.no_grad():
            ours = copy(torch.from_numpy(ids[None])).numpy()
        worst = max(worst, np.abs(ours - mod.forward(kv, weights, list(ids))).max())
    print("largest difference of logits to the reference: %.2e" % worst)
    if worst > 1e-6:
        sys.exit("logits differ")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--net", required=True)
    p.add_argument("--vocab", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--refmodel", help="a reference forward pass to compare the file with")
    a = p.parse_args()
    net = train.restore(a.net)
    write(net, json.load(open(a.vocab)), a.out)
    if a.refmodel:
        check(net, a.out, a.refmodel)


if __name__ == "__main__":
    main()
