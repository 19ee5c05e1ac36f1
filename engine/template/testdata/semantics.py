"""Writes semantics.json: small templates and what Jinja2 3.1.6 makes of them, with the settings of transformers.

Run: python3 semantics.py > semantics.json
"""
import json
from datetime import datetime

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime(2026, 11, 23, 16, 52, 14)


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


env = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
env.filters["tojson"] = tojson
env.filters["from_json"] = json.loads
env.globals["raise_exception"] = raise_exception
env.globals["strftime_now"] = lambda f: NOW.strftime(f)

VARS = {
    "n": 7, "neg": -7, "big": 123456789012345678901234567890, "f": 2.5, "tiny": 1e-07, "huge": 1e+16, "one": 1.0,
    "s": "Hello, World", "u": "Grüße 你好 👋", "ws": " \t two  words \n", "empty": "", "nl": "a\nb\r\nc\n\nd",
    "l": [3, 1, 2], "words": ["pear", "Apple", "fig", "apple"], "mixed": [1, "a", None, True, 2.0, [1], {"k": "v"}],
    "d": {"b": 1, "a": {"x": [1, 2]}, "C": None, "items": 5}, "none": None, "yes": True, "no": False,
    "users": [{"name": "Ann", "age": 30, "on": True}, {"name": "bob", "age": 25, "on": False}, {"name": "Cy", "age": 30}],
    "tree": [{"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4, "kids": []}]}]}, {"v": 5, "kids": []}],
    "e": [], "o": {}, "q": "it's \"quoted\" \\ back\x07\u200b\u00e9", "html": "<a href='x'>&\"</a>", "ints": [1, 2, 3, 4, 5, 6, 7],
    "pairs": [["a", 1], ["b", 2]], "num": " 42 ", "json": '{"b": [1, 2.0, 1e3, -0, null], "a": "\\u00e9\\n"}',
}

# Expressions; each becomes {{ expression }}.
EXPRESSIONS = open("expressions.txt", encoding="utf-8").read().split("\n")
# Whole templates, separated by lines of ====.
TEMPLATES = open("templates.txt", encoding="utf-8").read().split("\n====\n")


def run(source):
    variables = json.loads(json.dumps(VARS))
    try:
        return {"src": source, "output": env.from_string(source).render(**variables)}
    except Exception as e:
        return {"src": source, "error": type(e).__name__, "message": str(e)}


cases = [run("{{ " + x + " }}") for x in EXPRESSIONS if x and not x.startswith("# ")]
cases += [run(x) for x in TEMPLATES if x]
print('{"vars": ' + json.dumps(VARS, ensure_ascii=False) + ',\n"cases": [')
print(",\n".join(json.dumps(c, ensure_ascii=False) for c in cases))
print("]}")
