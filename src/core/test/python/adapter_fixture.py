"""LoRA adapters that PEFT itself wrote, with logits and gradients beside quantised bases, in float64.

Usage: adapter_fixture.py RESOURCES   (src/core/test/resources, where gguf/tiny-llada-*.gguf lie; writes adapters/)

The base is a GGUF file, dequantised; its forward pass is written from the paper in float64 torch and shares nothing with
the Java code. PEFT adds its layers to that, and autograd gives the gradients of A and B.
"""

import json
import pathlib
import sys

import gguf
import numpy
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

HEADS, LAYERS, THETA, EPS, MASK = 4, 2, 500000.0, 1e-5, 319
NAMES = {
    "attn_q": "q_proj", "attn_k": "k_proj", "attn_v": "v_proj", "attn_output": "attn_out", "ffn_gate": "ff_proj",
    "ffn_up": "up_proj", "ffn_down": "ff_out", "attn_norm": "attn_norm", "ffn_norm": "ff_norm",
}
TARGETS = ["q_proj", "k_proj", "v_proj", "attn_out", "ff_proj", "up_proj", "ff_out"]


def dequantised(path):
    """Weights by their Hugging Face names, rows of q and k in half-split order."""
    found = {}
    for t in gguf.GGUFReader(path).tensors:
        w = torch.from_numpy(numpy.array(gguf.dequantize(t.data, t.tensor_type), dtype=numpy.float64))
        part = t.name.split(".")
        if part[0] == "blk":
            if part[2] in ("attn_q", "attn_k"):
                n, c = w.shape
                w = w.view(HEADS, n // HEADS // 2, 2, c).transpose(1, 2).reshape(n, c)
            found[f"blocks.{part[1]}.{NAMES[part[2]]}"] = w
        else:
            found[{"token_embd": "wte", "output_norm": "ln_f", "output": "ff_out"}[part[0]]] = w
    return found


def rms_norm(x, weight):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + EPS) * weight


def rope(x):
    d, t = x.shape[-1], x.shape[-2]
    angle = torch.arange(t, dtype=torch.float64)[:, None] * THETA ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angle = torch.cat([angle, angle], -1)
    return x * angle.cos() + torch.cat([-x[..., d // 2 :], x[..., : d // 2]], -1) * angle.sin()


class Block(torch.nn.Module):
    def __init__(self, w, i):
        super().__init__()
        for name in TARGETS:
            weight = w[f"blocks.{i}.{name}"]
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=torch.float64)
            layer.weight.data.copy_(weight)
            setattr(self, name, layer)
        self.norms = [w[f"blocks.{i}.attn_norm"], w[f"blocks.{i}.ff_norm"]]

    def forward(self, x):
        b, t, c = x.shape
        split = lambda y: y.view(b, t, HEADS, -1).transpose(1, 2)
        h = rms_norm(x, self.norms[0])
        q, k, v = rope(split(self.q_proj(h))), rope(split(self.k_proj(h))), split(self.v_proj(h))
        p = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)
        x = x + self.attn_out((p @ v).transpose(1, 2).reshape(b, t, c))
        h = rms_norm(x, self.norms[1])
        return x + self.ff_out(torch.nn.functional.silu(self.ff_proj(h)) * self.up_proj(h))


class Model(torch.nn.Module):
    def __init__(self, w):
        super().__init__()
        self.model = torch.nn.Module()
        self.model.transformer = torch.nn.Module()
        self.model.transformer.blocks = torch.nn.ModuleList([Block(w, i) for i in range(LAYERS)])
        self.w = w

    def forward(self, ids):
        x = self.w["wte"][ids]
        for block in self.model.transformer.blocks:
            x = block(x)
        return rms_norm(x, self.w["ln_f"]) @ self.w["ff_out"].T


def adapted(w, **settings):
    """The base with an adapter of fixed numbers, which float32 holds."""
    model = get_peft_model(Model(w), LoraConfig(**settings))
    g = torch.Generator().manual_seed(3)
    for name, p in model.named_parameters():
        if "lora_" in name:
            p.data = (torch.randn(p.shape, generator=g, dtype=torch.float32) * 0.2).double()
    return model


def save(model, folder):
    model.float()  # loses nothing
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink()
    model.double()


def main(resources):
    resources = pathlib.Path(resources)
    out = resources / "adapters"
    g = torch.Generator().manual_seed(1)
    x0 = torch.randint(0, 300, (2, 21), generator=g)
    masked = torch.rand(2, 21, generator=g) < 0.5
    xt = torch.where(masked, MASK, x0)
    cases, tensors = [], {}
    blocks = r"model\.transformer\.blocks\.\d+\."
    everything = dict(r=4, lora_alpha=6, target_modules=blocks + "(" + "|".join(TARGETS) + ")")
    root = dict(
        r=3, lora_alpha=5, use_rslora=True, target_modules=blocks + "(q_proj|k_proj)",
        alpha_pattern={"blocks.1.q_proj": 2.5}, rank_pattern={"blocks.0.k_proj": 5},
    )
    for name, settings in (("everything", everything), ("rslora", root)):
        for base in ("Q8_0", "Q4_0"):
            model = adapted(dequantised(resources / "gguf" / f"tiny-llada-{base}.gguf"), **settings)
            save(model, out / name)
            logits = model(xt)
            loss = torch.nn.functional.cross_entropy(logits[masked], x0[masked], reduction="sum") * 0.05
            loss.backward()
            case = f"{name}-{base}"
            tensors[case + ".logits"] = logits.detach()
            for p_name, p in model.named_parameters():
                if "lora_" in p_name:
                    tensors[f"{case}.{p_name.replace('.default', '')}"] = p.grad
            cases.append({"name": case, "adapter": name, "base": base, "loss": loss.item()})
    tensors = {k: v.float().contiguous() for k, v in tensors.items()}
    save_file(tensors, out / "expected.safetensors")
    golden = {"x0": x0.tolist(), "xt": xt.tolist(), "masked": masked.int().tolist(), "weight": 0.05, "cases": cases}
    (out / "expected.json").write_text(json.dumps(golden))


if __name__ == "__main__":
    main(sys.argv[1])
