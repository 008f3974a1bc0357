"""Tiny random models of every architecture, and what a reference computes from them.

    pip install numpy gguf
    python tiny.py            writes ../it/tiny/ARCHITECTURE.gguf and .json, and ../it/tiny/blocks.json

The reference is float64, one token after the other, straight from the definitions of the models (Hugging Face
transformers 4.5x: modeling_llama, _qwen2, _qwen3, _gemma3): it shares no code and no shortcut with the engine. Each
fixture also says how far the logits would be off if one feature of the architecture were computed wrongly, so that
the bound of the test is seen to tell. `against_llama_cpp.py` compares the same files with llama.cpp.
"""

import json
import os

import gguf
import numpy as np

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it", "tiny")
LENGTH = 90
ASKED = [0, 1, 7, 8, 20, 47, 66, 89]


def printable():
    own = list(range(33, 127)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    out, n = {}, 0
    for b in range(256):
        if b in own:
            out[b] = chr(b)
        else:
            out[b] = chr(256 + n)
            n += 1
    return out


def byte_level(writer, rule):
    """Merges that cross the boundaries of words by some rule, so that the rule is seen in the ids."""
    write = printable()
    spell = lambda text: "".join(write[b] for b in text.encode())
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>"]
    tokens = specials + [write[b] for b in range(256)]
    kinds = [3, 3, 3, 4] + [1] * 256
    merges = []
    for left, right in [("t", "h"), ("th", "e"), (" ", " "), (" ", "1"), ("1", "2"), ("12", "3"), ("123", "4"),
                        ("\n", "\n"), ("!", "\n"), ("(", "x"), (" ", "the"), ("'", "s"), ("'", "S"), ("  ", "\n"),
                        ("\t", "x"), ("a", "."), (".", "."), ("é", "a")]:
        merges.append(f"{spell(left)} {spell(right)}")
        for part in (left, right, left + right):
            if spell(part) not in tokens:
                tokens.append(spell(part))
                kinds.append(1)
    # Characters of several bytes come about by merges as well.
    merges.insert(0, f"{write['é'.encode()[0]]} {write['é'.encode()[1]]}")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(rule)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template("{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
                             "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
    return len(tokens)


def sentencepiece(writer):
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "\n\n", "  "]
    kinds = [3, 3, 3, 3, 3, 3, 4, 4]
    scores = [0.0] * len(tokens)
    for b in range(256):
        tokens.append(f"<0x{b:02X}>")
        kinds.append(6)
        scores.append(0.0)
    pieces = list("abcdefghijklmnopqrstuvwxyz.,!'é\n") + ["▁", "th", "the", "▁the", "in", "er", "▁a", "an", "▁in", "on",
                                                        "it", "▁it", "ing", "▁an", "he", "▁t", "▁th"]
    for i, piece in enumerate(pieces):
        tokens.append(piece)
        kinds.append(1)
        scores.append(-float(i))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_unk_token_id(3)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template("{{ bos_token }}{% for m in messages %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' "
                             "else m['role'] }}\n{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
                             "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}")
    return len(tokens)


# What the reference computes; each feature can be switched off to see what it is worth.
FEATURES = {
    "llama": dict(pairs="adjacent", act="silu"),
    "qwen2": dict(pairs="halves", act="silu", bias=True),
    "qwen3": dict(pairs="halves", act="silu", qk_norm=True),
    "gemma3": dict(pairs="halves", act="gelu", qk_norm=True, post_norms=True, scaled=True, window=16, period=3,
                   local_base=10_000.0),
}
WRONG = {
    "llama": [dict(pairs="halves"), dict(act="gelu"), dict(base=1e6)],
    "qwen2": [dict(pairs="adjacent"), dict(bias=False), dict(base=1e4), dict(tied=True)],
    "qwen3": [dict(pairs="adjacent"), dict(qk_norm=False), dict(base=1e4)],
    "gemma3": [dict(pairs="adjacent"), dict(act="silu"), dict(qk_norm=False), dict(post_norms=False), dict(scaled=False),
               dict(window=10**9), dict(window=17), dict(window=15), dict(period=2), dict(local_base=1e6), dict(base=1e4)],
}
SIZES = {
    "llama": dict(embed=64, layers=3, heads=4, kv_heads=2, dim=16, hidden=96, base=1e5, rule="smollm", own_output=True),
    "qwen2": dict(embed=64, layers=3, heads=4, kv_heads=2, dim=16, hidden=96, base=1e6, rule="qwen2", own_output=True),
    "qwen3": dict(embed=64, layers=3, heads=4, kv_heads=1, dim=32, hidden=96, base=1e6, rule="llama-bpe", own_output=False),
    "gemma3": dict(embed=64, layers=3, heads=4, kv_heads=2, dim=32, hidden=96, base=1e6, rule=None, own_output=False),
}


def model(arch, random):
    """Writes the file; returns its tensors as a reader of it sees them, in float64."""
    size = SIZES[arch]
    writer = gguf.GGUFWriter(os.path.join(HERE, f"{arch}.gguf"), arch)
    writer.add_name(f"tiny random {arch}")
    writer.add_bool("harness.simulated", True)
    e, q, kv = size["embed"], size["heads"] * size["dim"], size["kv_heads"] * size["dim"]
    writer.add_block_count(size["layers"])
    writer.add_context_length(512)
    writer.add_embedding_length(e)
    writer.add_feed_forward_length(size["hidden"])
    writer.add_head_count(size["heads"])
    writer.add_head_count_kv(size["kv_heads"])
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(size["base"])
    if arch == "llama":
        writer.add_rope_dimension_count(size["dim"])
    else:
        writer.add_key_length(size["dim"])
        writer.add_value_length(size["dim"])
    if arch == "gemma3":
        writer.add_sliding_window(FEATURES[arch]["window"])
        writer.add_uint32("gemma3.attention.sliding_window_pattern", FEATURES[arch]["period"])
    vocab = byte_level(writer, size["rule"]) if size["rule"] else sentencepiece(writer)
    tensors = {}

    def matrix(name, rows, cols, spread, kind=gguf.GGMLQuantizationType.Q8_0):
        values = (random.standard_normal((rows, cols)) * spread).astype(np.float32)
        data = gguf.quants.quantize(values, kind)
        writer.add_tensor(name, data, raw_dtype=kind)
        tensors[name] = gguf.quants.dequantize(data, kind).astype(np.float64).reshape(rows, cols)

    def vector(name, values):
        values = values.astype(np.float32)
        writer.add_tensor(name, values)
        tensors[name] = values.astype(np.float64)

    near_one = lambda n, spread=0.3: 1 + spread * random.standard_normal(n)
    matrix("token_embd.weight", vocab, e, 0.3)
    if size["own_output"]:
        matrix("output.weight", vocab, e, 0.3)
    vector("output_norm.weight", near_one(e))
    for i in range(size["layers"]):
        part = lambda name: f"blk.{i}.{name}.weight"
        vector(part("attn_norm"), near_one(e))
        # Strong queries and keys: attention must look somewhere, or its errors would not be seen.
        matrix(part("attn_q"), q, e, 1.2 / np.sqrt(e), gguf.GGMLQuantizationType.Q4_1)
        matrix(part("attn_k"), kv, e, 1.2 / np.sqrt(e), gguf.GGMLQuantizationType.Q5_0)
        matrix(part("attn_v"), kv, e, 1.0 / np.sqrt(e), gguf.GGMLQuantizationType.F16)
        matrix(part("attn_output"), e, q, 1.0 / np.sqrt(q))
        vector(part("ffn_norm"), near_one(e))
        matrix(part("ffn_gate"), size["hidden"], e, 1.5 / np.sqrt(e), gguf.GGMLQuantizationType.Q5_1)
        matrix(part("ffn_up"), size["hidden"], e, 1.5 / np.sqrt(e), gguf.GGMLQuantizationType.Q4_0)
        matrix(part("ffn_down"), e, size["hidden"], 1.5 / np.sqrt(size["hidden"]), gguf.GGMLQuantizationType.BF16)
        if FEATURES[arch].get("bias"):
            vector(f"blk.{i}.attn_q.bias", random.standard_normal(q))
            vector(f"blk.{i}.attn_k.bias", random.standard_normal(kv))
            vector(f"blk.{i}.attn_v.bias", random.standard_normal(kv) * 0.5)
        if FEATURES[arch].get("qk_norm"):
            vector(part("attn_q_norm"), 1.2 * near_one(size["dim"]))
            vector(part("attn_k_norm"), 1.2 * near_one(size["dim"]))
        if FEATURES[arch].get("post_norms"):
            vector(part("post_attention_norm"), 0.7 * near_one(e))
            vector(part("post_ffw_norm"), 0.7 * near_one(e))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors, vocab


def norm(x, weight, eps=1e-6):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def rotate(head, position, base, pairs):
    d = len(head)
    angles = position * base ** (-2.0 * np.arange(d // 2) / d)
    cos, sin = np.cos(angles), np.sin(angles)
    out = head.copy()
    a, b = (slice(0, None, 2), slice(1, None, 2)) if pairs == "adjacent" else (slice(0, d // 2), slice(d // 2, None))
    out[a] = head[a] * cos - head[b] * sin
    out[b] = head[a] * sin + head[b] * cos
    return out


def activation(x, kind):
    if kind == "silu":
        return x / (1 + np.exp(-x))
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def forward(arch, w, tokens, asked, **wrong):
    size = {**SIZES[arch], **{k: v for k, v in wrong.items() if k in SIZES[arch]}}
    f = {**FEATURES[arch], **{k: v for k, v in wrong.items() if k not in SIZES[arch]}}
    heads, kv_heads, dim = size["heads"], size["kv_heads"], size["dim"]
    keys = [[] for _ in range(size["layers"])]
    values = [[] for _ in range(size["layers"])]
    out = []
    for position, token in enumerate(tokens):
        x = w["token_embd.weight"][token]
        if f.get("scaled"):
            x = x * np.sqrt(size["embed"])
        for i in range(size["layers"]):
            part = lambda name: w[f"blk.{i}.{name}.weight"]
            slides = "period" in f and (i + 1) % f["period"] != 0
            base = f["local_base"] if slides else size["base"]
            h = norm(x, part("attn_norm"))
            q, k, v = part("attn_q") @ h, part("attn_k") @ h, part("attn_v") @ h
            if f.get("bias"):
                q, k, v = (a + w[f"blk.{i}.attn_{n}.bias"] for a, n in ((q, "q"), (k, "k"), (v, "v")))
            q, k, v = q.reshape(heads, dim), k.reshape(kv_heads, dim), v.reshape(kv_heads, dim)
            if f.get("qk_norm"):
                q, k = norm(q, part("attn_q_norm")), norm(k, part("attn_k_norm"))
            q = np.stack([rotate(a, position, base, f["pairs"]) for a in q])
            k = np.stack([rotate(a, position, base, f["pairs"]) for a in k])
            keys[i].append(k)
            values[i].append(v)
            first = max(0, position + 1 - f["window"]) if slides else 0
            mixed = []
            for head in range(heads):
                of = head // (heads // kv_heads)
                scores = np.array([q[head] @ keys[i][p][of] for p in range(first, position + 1)]) / np.sqrt(dim)
                weights = np.exp(scores - scores.max())
                weights /= weights.sum()
                mixed.append(sum(weights[p - first] * values[i][p][of] for p in range(first, position + 1)))
            a = part("attn_output") @ np.concatenate(mixed)
            x = x + (norm(a, part("post_attention_norm")) if f.get("post_norms") else a)
            h = norm(x, part("ffn_norm"))
            h = part("ffn_down") @ (activation(part("ffn_gate") @ h, f["act"]) * (part("ffn_up") @ h))
            x = x + (norm(h, part("post_ffw_norm")) if f.get("post_norms") else h)
        if position in asked:
            own = size["own_output"] and not f.get("tied")
            out.append(w["output.weight" if own else "token_embd.weight"] @ norm(x, w["output_norm.weight"]))
    return np.array(out)


def blocks():
    """Random blocks of every format and the numbers that gguf's own readers make of them."""
    random = np.random.default_rng(7)
    out = []
    for name in ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "F16", "BF16"]:
        kind = gguf.GGMLQuantizationType[name]
        weights, size = gguf.GGML_QUANT_SIZES[kind]
        data = random.integers(0, 256, size * max(1, 32 // weights), dtype=np.uint8)
        # Half-precision numbers that are not among the quants must be finite: the exponent loses its first bit.
        halves = {"Q2_K": [80, 82], "Q3_K": [108], "Q6_K": [208], "Q4_1": [0, 2], "Q5_1": [0, 2], "Q4_K": [0, 2],
                  "Q5_K": [0, 2]}.get(name, [0] if name.startswith("Q") else range(0, len(data), 2))
        for at in halves:
            data[at + 1] &= 0b1011_1111
        if name == "BF16":
            numbers = (data.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        else:
            numbers = gguf.quants.dequantize(data, kind)
        out.append(dict(format=name, ggml=int(kind), blocks=data.tobytes().hex(),
                        bits=numbers.astype(np.float32).view(np.uint32).ravel().tolist()))
    with open(os.path.join(HERE, "blocks.json"), "w") as file:
        json.dump(out, file, separators=(",", ":"))


def main():
    os.makedirs(HERE, exist_ok=True)
    blocks()
    for arch in SIZES:
        random = np.random.default_rng(sum(map(ord, arch)))
        w, vocab = model(arch, random)
        tokens = [int(t) for t in random.integers(0, vocab, LENGTH)]
        logits = forward(arch, w, tokens, ASKED)
        off = {}
        for wrong in WRONG[arch]:
            name = ", ".join(f"{k} = {v}" for k, v in wrong.items())
            off[name] = round(float(np.abs(forward(arch, w, tokens, ASKED, **wrong) - logits).mean()), 4)
        print(arch, os.path.getsize(os.path.join(HERE, f"{arch}.gguf")), "bytes, spread", logits.std().round(2), off)
        fixture = dict(tokens=tokens, asked=ASKED, off_if=off, logits=[[round(float(v), 4) for v in row] for row in logits])
        with open(os.path.join(HERE, f"{arch}.json"), "w") as file:
            json.dump(fixture, file, separators=(",", ":"))


if __name__ == "__main__":
    main()
