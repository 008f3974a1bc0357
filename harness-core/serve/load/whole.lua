-- One whole answer after the other, under the limits that the harness of run.sh names itself.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer secret"
wrk.body = '{"model":"harness","messages":[{"role":"user","content":"Hello"}],"max_tokens":16,"temperature":0}'
