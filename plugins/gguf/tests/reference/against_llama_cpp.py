"""What llama.cpp makes of a GGUF file: token ids of a fixed text, and its opinion after every token of it.

    pip install xllamacpp numpy
    python against_llama_cpp.py MODEL.gguf OUT.json [POSITIONS]
    HARNESS_TEST_LLAMA_CPP=MODEL.gguf=OUT.json,... cargo test -p plugin-gguf llama_cpp -- --nocapture

The server of llama.cpp is asked for one token after every prefix of the text, with the most probable tokens and their
log-probabilities. Needs packages from outside and, for real models, weights: it is run by people, not by CI.
"""

import json
import os
import sys
import urllib.request

import xllamacpp

HERE = os.path.dirname(os.path.abspath(__file__))
# Texts for the tokenizer: what rules for splitting differ in.
SPLITS = ["I'll go, it's 12:30!", "I'LL don't 'em", "a  b\n\n c", "x \t ", "a  1\r\n\r\n  b", "12345 1234567", "x_1 = (x+1)!\n",
          "naïve 日本 ²é", "it's x=1... a.b", "the  the the", "<tool_call>\n{\"a\": 1}\n</tool_call>", "  lead", "\n\n\n", "Ünïcode — “quotes”",
          "\ttab\tx", "éa é", "😀👍🏽 ok", "a\u00a0b"]


def main():
    path, out = sys.argv[1], sys.argv[2]
    limit = int(sys.argv[3]) if len(sys.argv) > 3 else 10**9
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = 2048 if limit > 512 else 512
    params.n_parallel = 1
    params.warmup = False
    params.verbosity = -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(os.environ.get("THREADS", "1"))
    server = xllamacpp.Server(params)

    def tokenize(text):
        body = json.dumps({"content": text, "add_special": False, "parse_special": False}).encode()
        request = urllib.request.Request(server.listening_address + "/tokenize", body, {"content-type": "application/json"})
        return json.load(urllib.request.urlopen(request))["tokens"]

    tiny = os.path.join(HERE, "..", "it", "tiny", os.path.basename(path).replace(".gguf", ".json"))
    if os.path.exists(tiny) and "tiny" in path:
        with open(tiny) as file:
            tokens = json.load(file)["tokens"]
    else:
        with open(os.path.join(HERE, "text.txt")) as file:
            tokens = tokenize(file.read())
    tokens = tokens[:limit]
    top = []
    for n in range(1, len(tokens) + 1):
        # Nothing is reported where the token drawn ends the text; the probabilities are the same for every draw.
        for seed in range(30):
            answer = server.handle_completions({"prompt": tokens[:n], "n_predict": 1, "n_probs": 20, "temperature": 1.0,
                                                "seed": seed, "cache_prompt": True})
            first = answer["choices"][0]["logprobs"]
            if first and first["content"]:
                top.append([[p["id"], round(p["logprob"], 4)] for p in first["content"][0]["top_logprobs"]])
                break
        else:
            top.append([])
    splits = [[text, tokenize(text)] for text in SPLITS]
    with open(out, "w") as file:
        json.dump(dict(tokens=tokens, top=top, splits=splits), file, separators=(",", ":"))


if __name__ == "__main__":
    main()
