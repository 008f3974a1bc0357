-- One stream after the other.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer secret"
wrk.body = '{"model":"harness","stream":true,"messages":[{"role":"user","content":"Hello"}]}'
