"""The speed of llama.cpp on a GGUF file, measured as `examples/speed.rs` measures the pack: the best of several runs.

    pip install xllamacpp        (a wheel for any x86-64 CPU: AVX2, no AVX-512; build it on the machine for more)
    python speed_llama_cpp.py MODEL.gguf [THREADS]
"""

import sys

import xllamacpp

RUNS = 3


def main():
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.n_ctx, params.n_parallel, params.warmup, params.verbosity = 4096, 1, True, -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    print(xllamacpp.get_system_info())
    for n in [37, 128, 512, 1024]:
        prompt, generation = 0.0, 0.0
        for _ in range(RUNS):
            ids = [(i * 7919 + 13) % 49_000 for i in range(n)]
            answer = server.handle_completions({"prompt": ids, "n_predict": 33, "temperature": 0.0, "cache_prompt": False,
                                                "ignore_eos": True})
            timings = answer["timings"]
            prompt = max(prompt, timings["prompt_per_second"])
            generation = max(generation, timings["predicted_per_second"])
        print(f"prompt of {n} tokens: {prompt:.0f} tok/s, then generation: {generation:.1f} tok/s")


if __name__ == "__main__":
    main()
