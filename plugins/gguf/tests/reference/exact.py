"""What single precision makes of a real file, dequantised: the judge between the engine and llama.cpp.

    pip install numpy gguf
    python exact.py MODEL.gguf PEER.json OUT.json

PEER is what `against_llama_cpp.py` wrote. OUT has the same form, so that the test that compares the engine with llama.cpp
compares it with this; how far llama.cpp is from it is printed.
"""

import json
import sys

import gguf
import numpy as np


def main():
    path, peer, out = sys.argv[1:4]
    with open(peer) as file:
        peer = json.load(file)
    reader = gguf.GGUFReader(path)
    tensors = {t.name: t for t in reader.tensors}
    arch = reader.fields["general.architecture"].contents()

    def fact(key, default=None):
        field = reader.fields.get(f"{arch}.{key}")
        return field.contents() if field else default

    def weight(name):
        return gguf.quants.dequantize(tensors[name].data, tensors[name].tensor_type).astype(np.float32)

    embed, heads = fact("embedding_length"), fact("attention.head_count")
    kv_heads = fact("attention.head_count_kv", heads)
    dim, eps = fact("attention.key_length", embed // heads), fact("attention.layer_norm_rms_epsilon")
    gemma = arch == "gemma3"
    tokens = np.array(peer["tokens"])
    n = len(tokens)

    def norm(x, w):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w

    def rotate(x, base):
        angle = np.arange(n)[:, None] * base ** (-2 * np.arange(dim // 2) / dim)
        cos, sin = np.cos(angle)[:, None, :], np.sin(angle)[:, None, :]
        a, b = (slice(0, None, 2), slice(1, None, 2)) if arch == "llama" else (slice(0, dim // 2), slice(dim // 2, None))
        turned = np.empty_like(x)
        turned[..., a] = x[..., a] * cos - x[..., b] * sin
        turned[..., b] = x[..., a] * sin + x[..., b] * cos
        return turned

    table = weight("token_embd.weight")
    x = table[tokens] * np.float32(np.sqrt(embed) if gemma else 1)
    causal = np.triu(np.full((n, n), -np.inf), 1)
    for i in range(fact("block_count")):
        part = lambda name: weight(f"blk.{i}.{name}.weight")
        h = norm(x, part("attn_norm"))
        q, k, v = (h @ part(f"attn_{name}").T for name in "qkv")
        if f"blk.{i}.attn_q.bias" in tensors:
            q, k, v = (y + weight(f"blk.{i}.attn_{name}.bias") for y, name in ((q, "q"), (k, "k"), (v, "v")))
        q, k, v = q.reshape(n, heads, dim), k.reshape(n, kv_heads, dim), v.reshape(n, kv_heads, dim)
        if f"blk.{i}.attn_q_norm.weight" in tensors:
            q, k = norm(q, part("attn_q_norm")), norm(k, part("attn_k_norm"))
        slides = gemma and (i + 1) % 6 != 0
        base = 10_000.0 if slides else fact("rope.freq_base", 10_000.0)
        q, k = rotate(q, base), rotate(k, base)
        mask = causal
        if slides:
            mask = causal + np.tril(np.full((n, n), -np.inf), -fact("attention.sliding_window"))
        mixed = np.empty((n, heads, dim), np.float32)
        for head in range(heads):
            of = head // (heads // kv_heads)
            scores = q[:, head] @ k[:, of].T / np.sqrt(dim) + mask
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            mixed[:, head] = scores / scores.sum(-1, keepdims=True) @ v[:, of]
        a = mixed.reshape(n, -1) @ part("attn_output").T
        x = x + (norm(a, part("post_attention_norm")) if gemma else a)
        h = norm(x, part("ffn_norm"))
        gate = h @ part("ffn_gate").T
        if gemma:
            gate = 0.5 * gate * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3)))
        else:
            gate = gate / (1 + np.exp(-gate))
        h = (gate * (h @ part("ffn_up").T)) @ part("ffn_down").T
        x = (x + (norm(h, part("post_ffw_norm")) if gemma else h)).astype(np.float32)
    x = norm(x, weight("output_norm.weight")).astype(np.float32)
    logits = x @ (weight("output.weight") if "output.weight" in tensors else table).T
    logits -= logits.max(-1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
    top = [[[int(t), round(float(row[t]), 4)] for t in np.argsort(-row)[:20]] for row in logits]
    with open(out, "w") as file:
        json.dump(dict(tokens=peer["tokens"], top=top, splits=[]), file, separators=(",", ":"))
    asked = [j for j, theirs in enumerate(peer["top"]) if theirs]
    same = sum(peer["top"][j][0][0] == top[j][0][0] for j in asked)
    off = [abs(logits[j][t] - p) for j in asked for t, p in peer["top"][j] if p > -4]
    print(f"llama.cpp: {same} of {len(asked)} top tokens; log-probabilities above -4 differ by {np.median(off):.3f} (median), "
          f"{np.quantile(off, 0.95):.3f} (95 %), {max(off):.3f} (most)")


if __name__ == "__main__":
    main()
