#!/usr/bin/env bash
# What serving costs: the load of wrk on an upstream alone and through `harness serve`, then 1,000 streams at once.
# Needs wrk, curl and Python 3. Usage: run.sh [HARNESS [UPSTREAM_URL]]; with the URL of a real server, only that is compared.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
harness=${1:-$here/../../../target/release/harness}
real=${2:-}
work=$(mktemp -d)
declare -a started=()
trap 'kill "${started[@]}" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
ulimit -n "$(ulimit -Hn)"
export HARNESS_TOKEN=secret

# serve NAME UPSTREAM STREAM: a harness that is nothing but this upstream; leaves its address in NAME.url
serve() {
    printf '[sampling]\nmax_tokens = 16\n[model.main]\nuse = "models/openai"\n[model.main.config]\nmodel = "m"\nbase_url = "%s"\napi_key_env = ""\nstream = %s\n' \
        "$2" "$3" >"$1.toml"
    mkfifo "$1.said"
    "$harness" serve "$1.toml" --listen 127.0.0.1:0 --json >"$1.said" 2>"$1.err" &
    started+=($!)
    read -r line <"$1.said"
    echo "$line" | sed 's/.*"url":"\([^"]*\)".*/\1/' >"$1.url"
    echo $! >"$1.pid"
}

listening() { until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do :; done; }
memory() { awk '/VmRSS/ {print $2 / 1024 " MB"}' "/proc/$(cat "$1.pid")/status"; }
show() { grep -E '50%|99%|Requests/sec|requests in|errors|Non-2xx' || true; }

if [ -n "$real" ]; then
    serve real "$real" false
    for round in 1 2 3; do
        for side in "$real" "$(cat real.url)"; do
            # Whoever is still at work on a request that the load before left behind comes to its end first.
            curl -sS --max-time 60 -o /dev/null -H 'Content-Type: application/json' -H 'Authorization: Bearer secret' \
                -d '{"messages":[{"role":"user","content":"Hello"}],"max_tokens":1}' "$side/chat/completions"
            echo "== $side"
            wrk -t1 -c1 -d20s --timeout 30s --latency -s "$here/whole.lua" "$side/chat/completions" | show
        done
    done
    exit
fi

python3 "$here/upstream.py" 18091 & started+=($!)
python3 "$here/upstream.py" 18092 10 & started+=($!)
listening 18091
listening 18092
serve whole http://127.0.0.1:18091/v1 false
serve stream http://127.0.0.1:18092/v1 true
for round in 1 2 3; do
    echo "== upstream alone"
    wrk -t1 -c1 -d6s --latency -s "$here/whole.lua" http://127.0.0.1:18091/v1/chat/completions | show
    echo "== through harness serve"
    wrk -t1 -c1 -d6s --latency -s "$here/whole.lua" "$(cat whole.url)/chat/completions" | show
done
echo "== 1,000 streams of 10 s; memory before: $(memory stream)"
wrk -t1 -c1000 -d24s --timeout 30s --latency -s "$here/stream.lua" "$(cat stream.url)/chat/completions" >streams.txt &
load=$!
sleep 8
echo "memory with them: $(memory stream)"
wait $load
show <streams.txt
