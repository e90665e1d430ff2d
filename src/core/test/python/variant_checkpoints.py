"""Small random LLaDA checkpoints of the shapes that the golden set lacks, with logits from an independent forward pass.

Usage: variant_checkpoints.py OUT

Written from the paper and the modelling code's documented rules, in float64 torch, and shares nothing with the Java code:
grouped-query and multi-query attention, an odd number of heads, tied heads, embedding_size above vocab_size, padding,
several shards, float16. Files take the form of the golden vectors (logits.json, logits.safetensors).
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

VARIANTS = {
    # name: heads, kv heads (None: not given), multi_query, head size, layers, ffn, vocab, rows, tied, dtype, shards
    "mqa-tied": (3, None, True, 16, 2, 80, 90, 96, True, torch.float32, 3),
    "gqa-f16": (6, 2, None, 8, 2, 72, 70, 70, False, torch.float16, 2),
    "five-heads": (5, None, None, 10, 1, 56, 64, 100, False, torch.float32, 1),
}


def weights(g, heads, kv, d, layers, ffn, rows, tied):
    c = heads * d
    normal = lambda *shape: torch.randn(*shape, generator=g, dtype=torch.float64)
    w = {"model.transformer.wte.weight": normal(rows, c)}
    for i in range(layers):
        p = f"model.transformer.blocks.{i}."
        w[p + "attn_norm.weight"] = 1 + 0.1 * normal(c)
        w[p + "q_proj.weight"] = normal(c, c) / c**0.5
        w[p + "k_proj.weight"] = normal(kv * d, c) / c**0.5
        w[p + "v_proj.weight"] = normal(kv * d, c) / c**0.5
        w[p + "attn_out.weight"] = normal(c, c) / c**0.5
        w[p + "ff_norm.weight"] = 1 + 0.1 * normal(c)
        w[p + "ff_proj.weight"] = normal(ffn, c) / c**0.5
        w[p + "up_proj.weight"] = normal(ffn, c) / c**0.5
        w[p + "ff_out.weight"] = normal(c, ffn) / ffn**0.5
    w["model.transformer.ln_f.weight"] = 1 + 0.1 * normal(c)
    if not tied:
        w["model.transformer.ff_out.weight"] = normal(rows, c) / c**0.5
    return w


def rms_norm(x, weight, eps):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps) * weight


def rope(x, theta):
    d, t = x.shape[-1], x.shape[-2]
    inverse = theta ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angle = torch.arange(t, dtype=torch.float64)[:, None] * inverse
    angle = torch.cat([angle, angle], -1)
    half = torch.cat([-x[..., d // 2 :], x[..., : d // 2]], -1)
    return x * angle.cos() + half * angle.sin()


def forward(w, ids, mask, heads, kv, d, layers, theta, eps):
    get = lambda name: w["model.transformer." + name + ".weight"].double()
    x = get("wte")[ids]
    b, t, c = x.shape
    for i in range(layers):
        p = f"blocks.{i}."
        h = rms_norm(x, get(p + "attn_norm"), eps)
        split = lambda y, n: y.view(b, t, n, d).transpose(1, 2)
        q = rope(split(h @ get(p + "q_proj").T, heads), theta)
        k = rope(split(h @ get(p + "k_proj").T, kv), theta).repeat_interleave(heads // kv, 1)
        v = split(h @ get(p + "v_proj").T, kv).repeat_interleave(heads // kv, 1)
        scores = q @ k.transpose(-1, -2) / d**0.5
        if mask is not None:
            scores = scores.masked_fill(~mask.bool()[:, None, None, :], float("-inf"))
        x = x + (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, c) @ get(p + "attn_out").T
        h = rms_norm(x, get(p + "ff_norm"), eps)
        gate = h @ get(p + "ff_proj").T
        x = x + (gate * torch.sigmoid(gate) * (h @ get(p + "up_proj").T)) @ get(p + "ff_out").T
    head = "ff_out" if "model.transformer.ff_out.weight" in w else "wte"
    return rms_norm(x, get("ln_f"), eps) @ get(head).T


def main(out):
    for seed, (name, variant) in enumerate(VARIANTS.items()):
        heads, given_kv, multi_query, d, layers, ffn, vocab, rows, tied, dtype, shards = variant
        kv = given_kv or (1 if multi_query else heads)
        g = torch.Generator().manual_seed(seed)
        w = {k: v.to(dtype) for k, v in weights(g, heads, kv, d, layers, ffn, rows, tied).items()}
        folder = pathlib.Path(out) / name
        (folder / "golden").mkdir(parents=True, exist_ok=True)
        config = {
            "architectures": ["LLaDAModelLM"], "model_type": "llada", "block_type": "llama", "activation_type": "silu",
            "layer_norm_type": "rms", "d_model": heads * d, "n_heads": heads, "n_kv_heads": given_kv,
            "multi_query_attention": multi_query, "n_layers": layers, "mlp_hidden_size": ffn, "vocab_size": vocab,
            "embedding_size": rows, "max_sequence_length": 64, "rope": True, "rope_theta": 10000.0, "rms_norm_eps": 1e-5,
            "weight_tying": tied, "mask_token_id": vocab - 1, "eos_token_id": 1, "pad_token_id": 1,
        }
        (folder / "config.json").write_text(json.dumps(config, indent=1))
        names = list(w)
        if shards == 1:
            save_file(w, folder / "model.safetensors")
        else:
            index = {}
            for s in range(shards):
                file = f"model-{s + 1:05d}-of-{shards:05d}.safetensors"
                part = names[s::shards]
                save_file({n: w[n] for n in part}, folder / file)
                index.update({n: file for n in part})
            text = json.dumps({"metadata": {}, "weight_map": index}, indent=1)
            (folder / "model.safetensors.index.json").write_text(text)
        cases, tensors = [], {}
        for length, padded in ((1, False), (9, False), (40, False), (12, True)):
            b = 2 if padded else 1
            ids = torch.randint(0, rows, (b, length), generator=g)
            mask = torch.ones(b, length, dtype=torch.long) if padded else None
            if padded:
                mask[1, :5] = 0
            case = f"{'pad' if padded else 'len'}{length}"
            tensors[case] = forward(w, ids, mask, heads, kv, d, layers, 10000.0, 1e-5).contiguous()
            attention_mask = None if mask is None else mask.tolist()
            names_of = {"tensor_f32": case, "tensor_f64": case}
            cases.append({"name": case, "input_ids": ids.tolist(), "attention_mask": attention_mask, **names_of})
        (folder / "golden/logits.json").write_text(json.dumps({"cases": cases}))
        save_file(tensors, folder / "golden/logits.safetensors")


if __name__ == "__main__":
    main(sys.argv[1])
