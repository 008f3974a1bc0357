"""Token ids that llama.cpp gives to texts over tiny vocabularies, for every splitting rule: ../it/tiny/splits.json.

    pip install numpy gguf xllamacpp
    python splits.py
"""

import json
import os
import tempfile
import urllib.request

import numpy as np
import xllamacpp

import tiny
from against_llama_cpp import SPLITS

RULES = ["smollm", "gpt-2", "qwen2", "llama-bpe", "default", "sentencepiece"]


def main():
    out = {}
    for rule in RULES:
        with tempfile.TemporaryDirectory() as folder:
            tiny.HERE = folder
            arch = "gemma3" if rule == "sentencepiece" else "llama"
            tiny.SIZES["llama"]["rule"] = rule
            tiny.model(arch, np.random.default_rng(1))
            params = xllamacpp.CommonParams()
            params.model.path = os.path.join(folder, f"{arch}.gguf")
            params.n_ctx, params.n_parallel, params.warmup, params.verbosity = 512, 1, False, -1
            params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
            server = xllamacpp.Server(params)
            cases = []
            for text in SPLITS:
                body = json.dumps({"content": text, "add_special": False, "parse_special": False}).encode()
                request = urllib.request.Request(server.listening_address + "/tokenize", body,
                                                 {"content-type": "application/json"})
                cases.append([text, json.load(urllib.request.urlopen(request))["tokens"]])
            out[rule] = cases
            del server
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it", "tiny", "splits.json"), "w") as file:
        json.dump(out, file, separators=(",", ":"))


if __name__ == "__main__":
    main()
