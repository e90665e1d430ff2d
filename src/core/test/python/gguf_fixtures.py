"""Writes the GGUF fixtures of the tests with the Python package `gguf`.

    python gguf_fixtures.py CHECKPOINT_FOLDER OUTPUT_FOLDER

CHECKPOINT_FOLDER holds config.json, tokenizer.json, tokenizer_config.json and model.safetensors of a small LLaDA. Needs
numpy, safetensors and gguf. The output depends on nothing else: the random numbers are seeded.

    decode.gguf             for every type: stored blocks TYPE, and TYPE.expected, what gguf's dequantize makes of them
    tiny-llada-TYPE.gguf    the checkpoint as its converter writes it: F32, Q8_0, Q4_0
    k-quants.gguf           one random layer, tied embeddings, grouped queries, in Q4_K, Q5_K and Q6_K
    read-only.gguf          two random layers, whose ffn_down has rows that are no multiple of 256, in the types that LLaDA.java
                            reads and does not write, mixed as llama-quantize mixes them
"""

import json
import pathlib
import sys

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize
from safetensors.numpy import load_file

FILE_TYPES = {Type.F32: 0, Type.Q4_0: 2, Type.Q8_0: 7, Type.Q4_K: 15}
NORMAL, CONTROL = 1, 3
READ_ONLY = [Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q2_K, Type.Q3_K, Type.IQ4_NL, Type.IQ4_XS, Type.MXFP4]
HALVES = {
    Type.Q4_1: (0, 2), Type.Q5_1: (0, 2), Type.Q4_K: (0, 2), Type.Q5_K: (0, 2), Type.Q6_K: (208,), Type.Q2_K: (80, 82),
    Type.Q3_K: (108,), Type.MXFP4: (),
}  # fmt: skip


def random_blocks(rng, dtype, count):
    """Random bytes; the float16 scales at their offsets run through extremes, then random finite values."""
    length, size = GGML_QUANT_SIZES[dtype]
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    special = np.array([0, 0x8000, 1, 0x8001, 0x3FF, 0x400, 0x7BFF, 0xFBFF, 0x3C00, 0xBC00], dtype=np.uint16)
    if dtype == Type.MXFP4:  # exponents: the least, one, and the largest whose numbers are finite
        blocks[:, 0] = np.r_[[0, 1, 2, 3, 126, 127, 128, 129, 252], rng.integers(0, 253, count)][:count]
    for k, offset in enumerate(HALVES.get(dtype, (0,))):
        scale = rng.integers(0, 0x7C00, count, dtype=np.uint16) | rng.integers(0, 2, count, dtype=np.uint16) << 15
        n = min(count, len(special))
        scale[:n] = np.roll(special, k * 3)[:n]
        blocks[:, offset : offset + 2] = scale.astype("<u2").view(np.uint8).reshape(count, 2)
    return blocks


def write_decode(path, rng):
    writer = GGUFWriter(path, "test")
    first = [Type.Q8_0, Type.Q4_0, Type.Q4_K, Type.Q5_K, Type.Q6_K]
    for dtype in first + READ_ONLY:
        own = rng if dtype in first else np.random.default_rng(dtype.value)
        blocks = random_blocks(own, dtype, 64 if GGML_QUANT_SIZES[dtype][0] == 32 else 24)
        expected = dequantize(blocks, dtype)
        assert np.isfinite(expected).all()
        writer.add_tensor(dtype.name, blocks, raw_dtype=dtype)
        writer.add_tensor(dtype.name + ".expected", expected.astype(np.float32))
    # Every thirteenth pattern and both ends: zeros, subnormals, infinities and NaNs are among them.
    bits = np.unique(np.r_[np.arange(0, 0x10000, 13), [0, 1, 0x3FF, 0x400, 0x7BFF, 0x7C00, 0x8000, 0x8001, 0xFC00, 0xFFFF]])
    bits = bits.astype(np.uint16)
    writer.add_tensor("F16", bits.view(np.float16))
    writer.add_tensor("F16.expected", bits.view(np.float16).astype(np.float32))
    writer.add_tensor("BF16", bits.view(np.uint8).reshape(1, -1), raw_dtype=Type.BF16)
    writer.add_tensor("BF16.expected", dequantize(bits.view(np.uint8).reshape(1, -1), Type.BF16).astype(np.float32))
    finish(writer)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def interleave(rows, heads):
    """The converter's permutation of q and k: per head, from (first half, second half) to adjacent pairs."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def add_metadata(writer, folder, name, config, file_type):
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokens = {index: token for token, index in tokenizer["model"]["vocab"].items()}
    types = dict.fromkeys(tokens, NORMAL)
    for added in tokenizer["added_tokens"]:
        tokens[added["id"]] = added["content"]
        types[added["id"]] = CONTROL if added["special"] else NORMAL
    ids = {token: index for index, token in tokens.items()}
    heads = config["n_heads"]

    writer.add_type("model")
    writer.add_name(name)
    writer.add_block_count(config["n_layers"])
    writer.add_context_length(config["max_sequence_length"])
    writer.add_embedding_length(config["d_model"])
    writer.add_feed_forward_length(config["mlp_hidden_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["n_kv_heads"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_rope_dimension_count(config["d_model"] // heads)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_diffusion_shift_logits(False)
    writer.add_file_type(file_type)
    writer.add_quantization_version(2)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llada")
    writer.add_token_list([tokens[i] for i in range(len(tokens))])
    writer.add_token_types([types[i] for i in range(len(tokens))])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(ids[settings["bos_token"]])
    writer.add_eos_token_id(ids[settings["eos_token"]])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_mask_token_id(config["mask_token_id"])
    writer.add_add_bos_token(True)
    writer.add_chat_template(settings["chat_template"])


BLOCK_NAMES = {
    "attn_norm": "attn_norm", "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "attn_out": "attn_output",
    "ff_norm": "ffn_norm", "ff_proj": "ffn_gate", "up_proj": "ffn_up", "ff_out": "ffn_down",
}  # fmt: skip


def gguf_tensors(folder, config):
    """The checkpoint's tensors under GGUF's names, in GGUF's order of rows."""
    weights = load_file(folder / "model.safetensors")
    root = "model.transformer."
    yield "token_embd.weight", weights[root + "wte.weight"]
    for block in range(config["n_layers"]):
        for ours, theirs in BLOCK_NAMES.items():
            tensor = weights[f"{root}blocks.{block}.{ours}.weight"]
            if ours == "q_proj":
                tensor = interleave(tensor, config["n_heads"])
            elif ours == "k_proj":
                tensor = interleave(tensor, config["n_kv_heads"])
            yield f"blk.{block}.{theirs}.weight", tensor
    yield "output_norm.weight", weights[root + "ln_f.weight"]
    if not config["weight_tying"]:
        yield "output.weight", weights[root + "ff_out.weight"]


def write_checkpoint(path, folder, config, dtype):
    writer = GGUFWriter(path, "llada")
    add_metadata(writer, folder, "tiny-llada", config, FILE_TYPES[dtype])
    for name, tensor in gguf_tensors(folder, config):
        if tensor.ndim == 1 or dtype == Type.F32:
            writer.add_tensor(name, np.ascontiguousarray(tensor, dtype=np.float32))
        else:
            writer.add_tensor(name, quantize(np.ascontiguousarray(tensor), dtype), raw_dtype=dtype)
    finish(writer)


def pack_scales(scales, mins):
    """The twelve bytes of Q4_K and Q5_K: eight 6-bit scales and eight 6-bit minima."""
    low = scales[:, :4] | (scales[:, 4:] >> 4) << 6
    middle = mins[:, :4] | (mins[:, 4:] >> 4) << 6
    high = scales[:, 4:] & 15 | (mins[:, 4:] & 15) << 4
    return np.concatenate([low, middle, high], axis=1).astype(np.uint8)


def k_quant_weight(rng, dtype, rows, columns, deviation):
    """Random blocks, scaled so that the numbers they stand for centre on zero with about this deviation."""
    length, size = GGML_QUANT_SIZES[dtype]
    count = rows * columns // length
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)

    def half(values):
        return np.asarray(values, dtype=np.float32).astype("<f2").view(np.uint8).reshape(count, 2)

    spread = rng.uniform(0.7, 1.3, count)
    if dtype == Type.Q6_K:
        blocks[:, 192:208] = rng.integers(20, 64, (count, 16), dtype=np.int8).view(np.uint8)
        blocks[:, 208:210] = half(deviation * spread / (42 * 18.5))
    else:
        levels = {Type.Q4_K: 15, Type.Q5_K: 31}[dtype]
        scales = rng.integers(20, 64, (count, 8), dtype=np.uint8)
        d = deviation * spread / (42 * 0.29 * levels)
        blocks[:, 0:2] = half(d)
        blocks[:, 2:4] = half(d * levels / 2)
        blocks[:, 4:16] = pack_scales(scales, scales)
    values = dequantize(blocks.reshape(rows, -1), dtype)
    assert np.isfinite(values).all() and abs(values.mean()) < deviation / 10, (dtype, values.mean())
    return blocks.reshape(rows, -1)


def read_only_weight(rng, dtype, rows, columns, deviation):
    """Quantised normal numbers, or random blocks of a type that the package does not quantise to."""
    if dtype in (Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.MXFP4):
        return quantize(rng.normal(0, deviation, (rows, columns)).astype(np.float32), dtype)
    if dtype not in (Type.Q2_K, Type.Q3_K, Type.IQ4_NL, Type.IQ4_XS):
        return k_quant_weight(rng, dtype, rows, columns, deviation)
    length, size = GGML_QUANT_SIZES[dtype]
    count = rows * columns // length
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    one = np.array([1], dtype="<f2").view(np.uint8)
    for offset in HALVES.get(dtype, (0,)):
        blocks[:, offset : offset + 2] = one
    if dtype == Type.Q2_K:  # a minimum equal to the scale, and 1.5 of it taken away: mean 0
        scales = rng.integers(8, 16, (count, 16), dtype=np.uint8)
        blocks[:, :16] = scales | scales << 4
        blocks[:, 82:84] = np.array([1.5], dtype="<f2").view(np.uint8)
    unit = dequantize(blocks, dtype).std()
    for offset in HALVES.get(dtype, (0,)):
        scale = blocks[:, offset : offset + 2].copy().view("<f2").astype(np.float32) * np.float32(deviation / unit)
        blocks[:, offset : offset + 2] = scale.astype("<f2").view(np.uint8)
    values = dequantize(blocks.reshape(rows, -1), dtype)
    assert np.isfinite(values).all() and abs(values.mean()) < deviation / 10, (dtype, values.mean())
    return blocks.reshape(rows, -1)


def write_read_only(path, folder, config, rng):
    width, hidden, head = 256, 288, 64
    config = config | {
        "n_layers": 2, "d_model": width, "n_heads": 4, "n_kv_heads": 2, "mlp_hidden_size": hidden, "weight_tying": True,
    }  # fmt: skip
    writer = GGUFWriter(path, "llada")
    add_metadata(writer, folder, "read-only", config, 10)
    shapes = {
        "attn_q": (4 * head, width), "attn_k": (2 * head, width), "attn_v": (2 * head, width), "attn_output": (width, width),
        "ffn_gate": (hidden, width), "ffn_up": (hidden, width), "ffn_down": (width, hidden),
    }  # fmt: skip
    types = [
        [Type.Q2_K, Type.Q2_K, Type.Q4_K, Type.Q3_K, Type.Q2_K, Type.IQ4_XS, Type.IQ4_NL],
        [Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.MXFP4, Type.Q3_K, Type.Q5_1, Type.Q5_0],
    ]  # fmt: skip
    embedding = k_quant_weight(rng, Type.Q6_K, config["vocab_size"], width, deviation=1 / 16)
    writer.add_tensor("token_embd.weight", embedding, raw_dtype=Type.Q6_K)
    writer.add_tensor("output_norm.weight", rng.uniform(0.8, 1.2, width).astype(np.float32))
    for layer, chosen in enumerate(types):
        for (name, (rows, columns)), dtype in zip(shapes.items(), chosen):
            blocks = read_only_weight(rng, dtype, rows, columns, deviation=1 / np.sqrt(columns))
            writer.add_tensor(f"blk.{layer}.{name}.weight", blocks, raw_dtype=dtype)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", rng.uniform(0.8, 1.2, width).astype(np.float32))
    finish(writer)


def write_k_quants(path, folder, config, rng):
    config = config | {
        "n_layers": 1, "d_model": 256, "n_heads": 4, "n_kv_heads": 2, "mlp_hidden_size": 512, "weight_tying": True,
    }  # fmt: skip
    width, hidden, head = 256, 512, 64
    writer = GGUFWriter(path, "llada")
    add_metadata(writer, folder, "k-quants", config, FILE_TYPES[Type.Q4_K])
    matrices = [
        ("token_embd", Type.Q6_K, config["vocab_size"], width),
        ("blk.0.attn_q", Type.Q4_K, 4 * head, width),
        ("blk.0.attn_k", Type.Q5_K, 2 * head, width),
        ("blk.0.attn_v", Type.Q6_K, 2 * head, width),
        ("blk.0.attn_output", Type.Q4_K, width, width),
        ("blk.0.ffn_gate", Type.Q4_K, hidden, width),
        ("blk.0.ffn_up", Type.Q5_K, hidden, width),
        ("blk.0.ffn_down", Type.Q6_K, width, hidden),
    ]
    for name, dtype, rows, columns in matrices:
        blocks = k_quant_weight(rng, dtype, rows, columns, deviation=1 / np.sqrt(columns))
        writer.add_tensor(name + ".weight", blocks, raw_dtype=dtype)
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        writer.add_tensor(name + ".weight", rng.uniform(0.8, 1.2, width).astype(np.float32))
    finish(writer)


def main():
    folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    rng = np.random.default_rng(2502_09992)
    write_decode(out / "decode.gguf", rng)
    for dtype in (Type.F32, Type.Q8_0, Type.Q4_0):
        write_checkpoint(out / f"tiny-llada-{dtype.name}.gguf", folder, config, dtype)
    write_k_quants(out / "k-quants.gguf", folder, config, rng)
    write_read_only(out / "read-only.gguf", folder, config, rng)


if __name__ == "__main__":
    main()
