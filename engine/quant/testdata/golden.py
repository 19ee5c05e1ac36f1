#!/usr/bin/python3
"""golden.py TOOLS GGUF_PY > golden.txt: vectors that engine/quant is tested against.

TOOLS is the folder with refmodel.py, which reads seven of the formats in float64; GGUF_PY is the folder gguf-py of
llama.cpp or ik_llama.cpp, whose numpy code reads the others (and agrees on the seven: asserted here) and
quantises the plain types as the C code does. Needs numpy. Lines:
  dequantize TYPE BLOCKS FLOAT32S      hex, little endian
  quantize TYPE FLOAT32S BLOCKS
"""
import sys, types
import numpy as np

for name in ("tqdm", "yaml"):  # imported by gguf-py, not needed here
    sys.modules.setdefault(name, types.ModuleType(name))
sys.path[:0] = sys.argv[1:3]
import refmodel
from gguf import quants
from gguf.constants import GGMLQuantizationType as T

rng = np.random.default_rng(20251125)

# type: bytes a block, offsets of its F16 fields
LAYOUT = {
    T.Q4_0: (18, [0]), T.Q4_1: (20, [0, 2]), T.Q5_0: (22, [0]), T.Q5_1: (24, [0, 2]), T.Q8_0: (34, [0]),
    T.Q2_K: (84, [80, 82]), T.Q3_K: (110, [108]), T.Q4_K: (144, [0, 2]), T.Q5_K: (176, [0, 2]),
    T.Q6_K: (210, [208]), T.IQ4_NL: (18, [0]), T.IQ4_XS: (136, [0]),
}
BY_REFMODEL = {T.Q4_0, T.Q5_0, T.Q5_1, T.Q8_0, T.Q4_K, T.Q5_K, T.Q6_K}


def blocks(size, halves):
    """Random blocks that use every bit, with scales of either sign, large, small and subnormal."""
    a = np.frombuffer(rng.bytes(3 * size), np.uint8).reshape(3, size).copy()
    for o in halves:
        d = rng.normal(size=3) * [1e-2, 30, 3e-6]
        a[:, o:o + 2] = d.astype("<f2").view(np.uint8).reshape(3, 2)
    return a


def hexed(a):
    return a.tobytes().hex()


for t, (size, halves) in LAYOUT.items():
    a = blocks(size, halves)
    if t == T.Q8_0:
        a[0, 5] = 0x80  # -128
    got = quants.dequantize(a, t).ravel().astype("<f4")
    if t in BY_REFMODEL:
        exact = refmodel.deq(int(t), a.ravel(), 0).astype("<f4")
        assert np.array_equal(got.view("<u4"), exact.view("<u4")), t
    print("dequantize", t.name, hexed(a), hexed(got))

for t in (T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, T.BF16):
    x = np.concatenate([
        rng.normal(size=32), rng.normal(size=32) * 1e-3, rng.uniform(3, 4, size=32), -rng.exponential(size=32) * 1e3,
        np.arange(32) - 15.5, rng.integers(-8, 8, size=32) * 0.5,
    ]).astype("<f4")
    print("quantize", t.name, hexed(x), hexed(quants.quantize(x.reshape(-1, 32), t)))
