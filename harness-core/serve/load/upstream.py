"""A model's server that thinks nothing: answers chat completions at once, or with ten words over SECONDS.

    python3 upstream.py PORT [SECONDS]
"""

import asyncio
import json
import resource
import sys

PORT, SECONDS = int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
MESSAGE = {"role": "assistant", "content": "ok"}
BODY = json.dumps({
    "id": "x", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}).encode()
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
WORD = b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


class Server(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.read = transport, b""

    def data_received(self, data):
        self.read += data
        while (end := self.read.find(b"\r\n\r\n")) >= 0:
            lines = self.read[:end].lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            if len(self.read) < end + 4 + length:
                return
            self.read = self.read[end + 4 + length:]
            if SECONDS:
                asyncio.ensure_future(self.stream())
            else:
                self.transport.write(WHOLE)

    async def stream(self):
        self.transport.write(HEAD)
        for _ in range(10):
            self.transport.write(WORD)
            await asyncio.sleep(SECONDS / 10)
        self.transport.write(END)
        self.transport.close()


async def main():
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", PORT, backlog=4096)
    await server.serve_forever()


most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
asyncio.run(main())
