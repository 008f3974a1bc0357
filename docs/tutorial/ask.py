# Asks the served harness as if it were a model: `pip install openai`, then `python3 ask.py`.
import os
from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8080/v1", api_key=os.environ["HARNESS_TOKEN"])
asked = "Which order is this message about? Message: I am Kim, order JK-4410 came without the cable."
reply = client.chat.completions.create(model="harness", messages=[{"role": "user", "content": asked}])
print(reply.choices[0].message.content)
