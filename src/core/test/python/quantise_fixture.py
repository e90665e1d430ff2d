# Makes src/core/test/resources/gguf/quantised-by-peers.gguf: numbers, their Q8_0 and Q4_0 blocks as the gguf package
# makes them, and their K blocks as llama.cpp makes them (read from PEER.TYPE, raw blocks of the same numbers).
# usage: quantise_fixture.py numbers OUT.f32 | quantise_fixture.py fixture PEER OUT.gguf
import sys
import numpy as np
from gguf import GGUFWriter, quants, GGMLQuantizationType as T

def numbers():
    r = np.random.default_rng(5)
    rows = np.stack([
        r.standard_normal(2048) * 0.02,
        r.laplace(size=2048) * 0.02,
        r.uniform(-1, 1, 2048),
        np.abs(r.standard_normal(2048)) * 0.05,
        -np.abs(r.standard_normal(2048)) * 3,
        np.round(r.uniform(-8, 8, 2048) * 2) / 2,  # halves: ties when rounding
        np.where(r.uniform(size=2048) < 0.01, r.standard_normal(2048), 0),  # mostly zero, whole blocks too
        r.standard_normal(2048) * np.exp(r.uniform(-25, 9, 2048)),  # from float16's subnormals to thousands
    ]).astype(np.float32)
    rows[6, :512] = 0
    return rows

x = numbers()
if sys.argv[1] == "numbers":
    x.tofile(sys.argv[2])
else:
    w = GGUFWriter(sys.argv[3], "numbers")
    w.add_tensor("x", x)
    for t in (T.Q8_0, T.Q4_0, T.F16, T.BF16):
        data = x.astype(np.float16) if t == T.F16 else quants.quantize(x, t)
        w.add_tensor(f"x.{t.name}", data, raw_dtype=t)
    for t in (T.Q4_K, T.Q5_K, T.Q6_K):
        raw = np.fromfile(f"{sys.argv[2]}.{t.value}", dtype=np.uint8).reshape(x.shape[0], -1)
        w.add_tensor(f"x.{t.name}", raw, raw_dtype=t)
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
