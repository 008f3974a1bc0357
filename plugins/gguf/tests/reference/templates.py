"""Chat templates and what Jinja in Python makes of them, as Hugging Face runs it: ../it/templates.json.

    pip install jinja2 gguf
    python templates.py QWEN2.5.gguf       the file whose template is taken (any of Qwen/Qwen2.5-Coder-*-Instruct-GGUF)
"""

import json
import os
import sys

import gguf
import jinja2.sandbox

# What templates of other models do with Python: methods, slices, namespaces, tests.
PYTHON = """{%- set ns = namespace(last=messages | length - 1, seen=false) %}
{%- for m in messages[::-1] %}{%- if not ns.seen and m.role == 'user' and not (m.content.startswith('<tool_response>') and m.content.endswith('</tool_response>')) %}
{%- set ns.seen = true %}{%- set ns.last = messages | length - 1 - loop.index0 %}{%- endif %}{%- endfor %}
{%- for m in messages %}
{%- if m.content is string %}{%- set text = m.content %}{%- else %}{%- set text = '' %}{%- endif %}
{%- if '</think>' in text %}{%- set text = text.split('</think>')[-1].lstrip('\\n') %}{%- endif %}
{{- m['role'].upper() + ': ' + text.strip() + '\\n' }}
{%- if m.tool_calls %}{%- for call in m.tool_calls %}{%- set f = call.function %}
{{- f.name.replace('_', ' ').title() }} {{ f.arguments.items() | list | length }} {{ f.arguments | tojson }} {{ f.get('none', 'x') }}
{% endfor %}{%- endif %}
{%- endfor %}
{{- 'after ' ~ ns.last ~ ' ' ~ (tools is defined and tools is not none) }}
{%- for tool in tools or [] %}{{- '\\n' ~ (tool.function.parameters.properties.keys() | join(',')) }} {{ tool | tojson }}{%- endfor %}
{%- if add_generation_prompt %}{{- '\\nASSISTANT:' }}{%- endif %}"""

CITY = {"type": "function", "function": {"name": "get_weather", "description": "Weather of a <city> & its \"surroundings\" – now.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
                       "required": ["city"]}}}
CALL = {"type": "function", "function": {"name": "get_weather", "arguments": {"days": 2, "city": "Ålesund's", "at": [1, 2.5, None, True]}}}
CONVERSATIONS = [
    ([{"role": "user", "content": "Hello"}], None),
    ([{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."},
      {"role": "user", "content": "  Bye <b>\n"}], None),
    ([{"role": "user", "content": "Weather?"}], [CITY]),
    ([{"role": "system", "content": "Be short."}, {"role": "user", "content": "Weather?"},
      {"role": "assistant", "content": "", "tool_calls": [CALL]}, {"role": "tool", "content": "{\"rain\": true}"},
      {"role": "tool", "content": "12 °C"}, {"role": "assistant", "content": "<think>hm</think>\nRain, 12 °C.", "tool_calls": [CALL, CALL]},
      {"role": "tool", "content": "more"}, {"role": "user", "content": "Thanks"}], [CITY, CITY]),
]


def main():
    reader = gguf.GGUFReader(sys.argv[1])
    qwen = reader.fields["tokenizer.chat_template"].contents()
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda x, indent=None: json.dumps(x, ensure_ascii=False, indent=indent)
    out = []
    for name, template in [("Qwen2.5", qwen), ("methods of Python", PYTHON)]:
        compiled = environment.from_string(template)
        cases = []
        for messages, tools in CONVERSATIONS:
            text = compiled.render(messages=messages, tools=tools, add_generation_prompt=True, bos_token="", eos_token="<|im_end|>")
            cases.append(dict(messages=messages, tools=tools, text=text))
        out.append(dict(name=name, template=template, conversations=cases))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it", "templates.json"), "w") as file:
        json.dump(out, file, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
