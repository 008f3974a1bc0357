#!/usr/bin/env python3
"""Records what the leaderboard's own checker says, for `tests/it/official.rs` to agree with.

Regenerate (needs only Python 3.9+; the package is unzipped, not installed):

    python3 -m pip download --no-deps --dest scratch bfcl-eval==2026.3.23
    python3 -m zipfile -e scratch/bfcl_eval-2026.3.23-py3-none-any.whl scratch/wheel
    python3 record.py scratch/wheel . [number of odd cases, default 900]

It writes four files:

* tasks.jsonl          the tasks answered below: category, function documents without their prose,
                       gold calls. Derived from BFCL v4 (Apache-2.0).
* answers.jsonl        [task, naming (v or u), mutation, calls, verdict]: answers made from the gold
                       by mutation, and the official verdict: "" for valid, else its error type, or
                       "raise" where the checker fails with an exception.
* ground_truths.jsonl  [id, calls, verdict] for every gold answer of every category, and once more
                       without the parameters that may be left out, where that is different.
* odd.jsonl            [type, element type, accepted values, given value, verdict]: one parameter
                       with any documented type, accepted values and argument, drawn at random:
                       what no real task asks, and where the checker fails with an exception.

The checker runs unmodified. Only the table of vendors' models, which would import every vendor's
client, is replaced: by two names, one with and one without `underscore_to_dot`.
"""

import copy
import json
import pathlib
import random
import sys
import types

WHEEL, OUT = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
sys.path.insert(0, str(WHEEL))


class Flag:
    def __init__(self, underscore_to_dot):
        self.underscore_to_dot = underscore_to_dot


table = types.ModuleType("bfcl_eval.constants.model_config")
table.MODEL_CONFIG_MAPPING = {"verbatim": Flag(False), "underscored": Flag(True)}
sys.modules["bfcl_eval.constants.model_config"] = table

from bfcl_eval.constants.enums import Language  # noqa: E402
from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker  # noqa: E402

# How many tasks of each category get mutated answers; 0 mutates none, None mutates all.
CATEGORIES = {
    "simple_python": 110,
    "multiple": 50,
    "parallel": 45,
    "parallel_multiple": 35,
    "live_simple": 75,
    "live_multiple": 75,
    "live_parallel": None,
    "live_parallel_multiple": None,
}
ROWS_PER_TASK = 8
LONGEST_ANSWER = 900  # characters: a few tasks want pages of arguments


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def official(task, calls, naming):
    """The official verdict: "" for valid, an error type, or "raise"."""
    answer = [{name: arguments} for name, arguments in calls]
    # The runner refuses these before it asks the checker.
    if not all(type(arguments) is dict for _, arguments in calls):
        return "ast_decoder:decoder_wrong_output_format"
    try:
        result = ast_checker(
            task["functions"], answer, task["gold"], Language.PYTHON, task["category"], naming
        )
    except Exception:
        return "raise"
    return "" if result["valid"] else result["error_type"]


def first_choice(accepted, documented_type, item_type, required):
    """The first accepted value as an argument; None where it is to be left out."""
    for value in accepted:
        if value == "" and not (required and all(other == "" for other in accepted)):
            continue
        if documented_type == "dict" and isinstance(value, dict):
            return (first_choice_dict(value),)
        if item_type == "dict" and isinstance(value, list):
            return (
                [first_choice_dict(item) if isinstance(item, dict) else item for item in value],
            )
        return (value,)
    return None


def first_choice_dict(fields):
    chosen = {}
    for key, accepted in fields.items():
        if isinstance(accepted, list):
            choice = first_choice(accepted, None, None, False)
            if choice is not None:
                chosen[key] = choice[0]
        else:
            chosen[key] = accepted
    return chosen


def document(task, name):
    return next(f for f in task["functions"] if f["name"] == name)


def gold_answer(task, optional):
    """The gold calls with the first accepted values; with or without what may be left out."""
    calls = []
    for call in task["gold"]:
        (name, accepted), = call.items()
        parameters = document(task, name)["parameters"]
        arguments = {}
        for parameter, values in accepted.items():
            if not optional and "" in values and parameter not in parameters["required"]:
                continue
            doc = parameters["properties"].get(parameter, {})
            choice = first_choice(
                values,
                doc.get("type"),
                doc.get("items", {}).get("type"),
                parameter in parameters.get("required", []),
            )
            if choice is not None:
                arguments[parameter] = choice[0]
        calls.append([name, arguments])
    return calls


# --- mutations of one value: (name, applies, result)

VALUE = []


def value_mutation(applies):
    def register(function):
        VALUE.append((function.__name__, applies, function))
        return function

    return register


def kind(*kinds):
    return lambda value: type(value) in kinds and value not in ("", [], {})


@value_mutation(kind(int))
def int_to_float(value, rng):
    return float(value)


@value_mutation(kind(float))
def float_to_int(value, rng):
    return int(value)


@value_mutation(kind(int, float, bool))
def scalar_to_text(value, rng):
    return str(value)


@value_mutation(kind(int, float))
def number_off(value, rng):
    return value + rng.choice([1, -1])


@value_mutation(kind(int, float))
def number_to_bool(value, rng):
    return bool(value)


@value_mutation(kind(bool))
def flip(value, rng):
    return not value


@value_mutation(kind(bool))
def bool_to_int(value, rng):
    return int(value)


@value_mutation(lambda value: True)
def to_null(value, rng):
    return None


@value_mutation(kind(str))
def upper(value, rng):
    return value.upper()


@value_mutation(kind(str))
def lower(value, rng):
    return value.lower()


@value_mutation(kind(str))
def spaced(value, rng):
    return " ".join(value)


@value_mutation(kind(str))
def tab_inside(value, rng):
    return value[:1] + "\t" + value[1:]


@value_mutation(kind(str))
def ignored_marks(value, rng):
    at = rng.randrange(len(value) + 1)
    return value[:at] + rng.choice(",./-_*^") + value[at:]


@value_mutation(kind(str))
def counted_marks(value, rng):
    at = rng.randrange(len(value) + 1)
    return value[:at] + rng.choice(";:!?()&+") + value[at:]


@value_mutation(kind(str))
def quotes(value, rng):
    return "'" + value + '"'


@value_mutation(lambda value: type(value) is str and ("'" in value or '"' in value))
def swap_quotes(value, rng):
    return value.replace("'", "\0").replace('"', "'").replace("\0", '"')


@value_mutation(kind(str))
def umlaut(value, rng):
    return value + "É"


@value_mutation(kind(str))
def truncate(value, rng):
    return value[:-1]


@value_mutation(kind(str))
def text_to_number(value, rng):
    digits = "".join(c for c in value if c.isdigit())[:12]
    return int(digits) if digits else 0


@value_mutation(lambda value: True)
def blank(value, rng):
    return ""


@value_mutation(lambda value: type(value) is not list)
def wrap(value, rng):
    return [value]


@value_mutation(kind(list))
def unwrap(value, rng):
    return value[0]


@value_mutation(kind(list))
def list_as_text(value, rng):
    return json.dumps(value)


@value_mutation(lambda value: type(value) is list and len(value) > 1)
def reverse(value, rng):
    return value[::-1]


@value_mutation(kind(list))
def repeat_last(value, rng):
    return value + value[-1:]


@value_mutation(kind(list))
def drop_last(value, rng):
    return value[:-1]


@value_mutation(kind(list))
def no_elements(value, rng):
    return []


@value_mutation(kind(list))
def mutate_element(value, rng):
    at = rng.randrange(len(value))
    return value[:at] + [mutate_value(value[at], rng)[1]] + value[at + 1 :]


@value_mutation(kind(list))
def mutate_all_elements(value, rng):
    name, _ = mutate_value(value[0], rng)
    apply = next(function for n, _, function in VALUE if n == name)
    applies = next(test for n, test, _ in VALUE if n == name)
    return [apply(item, rng) if applies(item) else item for item in value]


@value_mutation(kind(dict))
def drop_key(value, rng):
    gone = rng.choice(list(value))
    return {key: item for key, item in value.items() if key != gone}


@value_mutation(kind(dict))
def extra_key(value, rng):
    return {**value, "note": "x"}


@value_mutation(kind(dict))
def no_keys(value, rng):
    return {}


@value_mutation(lambda value: type(value) is dict and len(value) > 1)
def reorder_keys(value, rng):
    return dict(reversed(value.items()))


@value_mutation(kind(dict))
def mutate_field(value, rng):
    key = rng.choice(list(value))
    return {**value, key: mutate_value(value[key], rng)[1]}


@value_mutation(kind(dict))
def dict_as_text(value, rng):
    return json.dumps(value)


# Mutations that may leave an answer right, or wrong by a hair, are drawn more often than blunt ones.
SUBTLE = {
    "int_to_float": 5, "upper": 3, "lower": 3, "spaced": 3, "ignored_marks": 4, "swap_quotes": 4,
    "reverse": 2, "mutate_element": 3, "mutate_all_elements": 3, "no_elements": 2, "drop_key": 3,
    "reorder_keys": 3, "mutate_field": 5, "drop_parameter": 4, "undemanded_parameter": 4,
    "other_choice": 6, "reorder_parameters": 3, "shuffle_calls": 4, "dots_to_underscores": 2,
    "to_null": 0.5, "wrap": 0.5, "no_calls": 0.5, "scalar_to_text": 2, "blank": 1,
}


def draw(named, rng):
    return rng.choices(named, [SUBTLE.get(name, 1) for name, _ in named])[0]


def mutate_value(value, rng):
    fitting = [(name, function) for name, applies, function in VALUE if applies(value)]
    name, function = draw(fitting, rng)
    return name, function(copy.deepcopy(value), rng)


# --- mutations of a whole answer

CALLS = []


def call_mutation(function):
    CALLS.append((function.__name__, function))
    return function


def one_with_arguments(calls, rng):
    having = [index for index, (_, arguments) in enumerate(calls) if arguments]
    return rng.choice(having) if having else None


@call_mutation
def drop_parameter(task, calls, rng):
    index = one_with_arguments(calls, rng)
    if index is None:
        return None
    del calls[index][1][rng.choice(list(calls[index][1]))]
    return calls


@call_mutation
def unknown_parameter(task, calls, rng):
    rng.choice(calls)[1]["verbose"] = True
    return calls


@call_mutation
def undemanded_parameter(task, calls, rng):
    """A documented parameter the answer left out, with its default or a guess."""
    name, arguments = rng.choice(calls)
    properties = document(task, name)["parameters"]["properties"]
    absent = [parameter for parameter in properties if parameter not in arguments]
    if not absent:
        return None
    parameter = rng.choice(absent)
    guess = {"string": "x", "integer": 1, "float": 1.5, "boolean": True, "array": [], "dict": {}}
    doc = properties[parameter]
    arguments[parameter] = doc.get("default", guess.get(doc["type"], "x"))
    return calls


@call_mutation
def rename_parameter(task, calls, rng):
    index = one_with_arguments(calls, rng)
    if index is None:
        return None
    arguments = calls[index][1]
    old = rng.choice(list(arguments))
    calls[index][1] = {(k.title() if k == old else k): v for k, v in arguments.items()}
    return calls


@call_mutation
def reorder_parameters(task, calls, rng):
    for call in calls:
        call[1] = dict(reversed(call[1].items()))
    return calls


@call_mutation
def other_choice(task, calls, rng):
    """Another accepted value, where there is one: mostly still right."""
    index = rng.randrange(len(calls))
    (_, accepted), = task["gold"][index].items()
    several = [parameter for parameter, values in accepted.items() if len(values) > 1]
    if not several:
        return None
    parameter = rng.choice(several)
    calls[index][1][parameter] = copy.deepcopy(rng.choice(accepted[parameter][1:]))
    return calls


@call_mutation
def wrong_function(task, calls, rng):
    index = rng.randrange(len(calls))
    others = [f["name"] for f in task["functions"] if f["name"] != calls[index][0]]
    calls[index][0] = rng.choice(others + [calls[index][0] + "_v2"])
    return calls


@call_mutation
def name_case(task, calls, rng):
    index = rng.randrange(len(calls))
    calls[index][0] = calls[index][0].swapcase()
    return calls


@call_mutation
def dots_to_underscores(task, calls, rng):
    if not any("." in name for name, _ in calls):
        return None
    return [[name.replace(".", "_"), arguments] for name, arguments in calls]


@call_mutation
def last_part_of_name(task, calls, rng):
    if not any("." in name for name, _ in calls):
        return None
    return [[name.rsplit(".", 1)[-1], arguments] for name, arguments in calls]


@call_mutation
def call_twice(task, calls, rng):
    return calls + [copy.deepcopy(rng.choice(calls))]


@call_mutation
def call_missing(task, calls, rng):
    del calls[rng.randrange(len(calls))]
    return calls


@call_mutation
def no_calls(task, calls, rng):
    return []


@call_mutation
def shuffle_calls(task, calls, rng):
    if len(calls) < 2:
        return None
    rng.shuffle(calls)
    return calls


@call_mutation
def first_call_for_all(task, calls, rng):
    if len(calls) < 2:
        return None
    return [copy.deepcopy(calls[0]) for _ in calls]


@call_mutation
def swap_arguments(task, calls, rng):
    if len(calls) < 2:
        return None
    calls[0][1], calls[1][1] = calls[1][1], calls[0][1]
    return calls


@call_mutation
def arguments_as_list(task, calls, rng):
    index = rng.randrange(len(calls))
    calls[index][1] = list(calls[index][1].values())
    return calls


def mutate_argument(task, calls, rng):
    index = one_with_arguments(calls, rng)
    if index is None:
        return None
    arguments = calls[index][1]
    parameter = rng.choice(list(arguments))
    name, arguments[parameter] = mutate_value(arguments[parameter], rng)
    return name, calls


def mutate(task, gold, rng):
    """One mutated answer: (name, calls), or None when the drawn mutation does not apply."""
    calls = copy.deepcopy(gold)
    if rng.random() < 0.55:
        return mutate_argument(task, calls, rng)
    name, function = draw(CALLS, rng)
    calls = function(task, calls, rng)
    if calls is None:
        return None
    if calls and rng.random() < 0.2:  # two faults at once
        if all(type(arguments) is dict for _, arguments in calls):
            second = mutate_argument(task, calls, rng)
            if second is not None:
                return name + "+" + second[0], second[1]
    return name, calls


def bare(function):
    """A function document without its prose: what the checker reads."""

    def bare_property(doc):
        kept = {"type": doc["type"]} if "type" in doc else {}
        if "items" in doc:
            kept["items"] = bare_property(doc["items"])
        return kept

    parameters = function["parameters"]
    return {
        "name": function["name"],
        "parameters": {
            "properties": {k: bare_property(v) for k, v in parameters["properties"].items()},
            "required": parameters.get("required", []),
        },
    }


SCALARS = [None, True, False, 0, 1, 2, 1.0, 0.5, "", "", "a", "A.", "'", "1"]


def any_value(rng, depth=2):
    shape = rng.random()
    if depth == 0 or shape < 0.5:
        return rng.choice(SCALARS)
    size = rng.choice([0, 1, 1, 2, 2])
    if shape < 0.78:
        return [any_value(rng, depth - 1) for _ in range(size)]
    return {rng.choice("ab"): any_value(rng, depth - 1) for _ in range(size)}


def fitting(kind, item, rng):
    """An accepted value, mostly of the documented type."""
    if rng.random() < 0.25:
        return any_value(rng, 3)
    if kind in ("array", "tuple"):
        return [fitting(item, None, rng) for _ in range(rng.choice([0, 1, 1, 2]))]
    if kind == "dict":
        lists = lambda: [any_value(rng, 1) for _ in range(rng.choice([0, 1, 2, 3]))]
        return {key: lists() for key in rng.sample("abc", rng.choice([0, 1, 2]))}
    types = {"integer": int, "float": float, "boolean": bool}
    return rng.choice([v for v in SCALARS if type(v) is types.get(kind, str)])


def near(value, rng):
    """The value, or one that differs a little or altogether."""
    if rng.random() < 0.25:
        return any_value(rng)
    if rng.random() < 0.5:
        return copy.deepcopy(value)
    return mutate_value(value, rng)[1]


def odd(count, rng):
    lines = []
    for _ in range(count):
        kind = rng.choice(
            ["string", "integer", "float", "boolean", "any", "dict", "dict", "tuple", "number"]
            + ["array"] * 5
        )
        item = rng.choice(["string", "integer", "float", "dict", "dict", "array", "number", None])
        accepted = [fitting(kind, item, rng) for _ in range(rng.choice([0, 1, 1, 2, 2, 3]))]
        if accepted and rng.random() < 0.7:
            given = near(first_choice(accepted, kind, item, True)[0], rng)
        else:
            given = any_value(rng)
        doc = {"type": kind}
        if item:
            doc["items"] = {"type": item}
        function = {"name": "f", "parameters": {"properties": {"x": doc}, "required": ["x"]}}
        task = {"category": "simple_python", "functions": [function], "gold": [{"f": {"x": accepted}}]}
        lines.append([kind, item, accepted, given, official(task, [["f", {"x": given}]], "verbatim")])
    return lines


def main():
    rng = random.Random(20260323)
    data = WHEEL / "bfcl_eval" / "data"
    tasks, answers, truths = [], [], []
    for category, wanted in CATEGORIES.items():
        file = f"BFCL_v4_{category}.json"
        questions = rows(data / file)
        gold = {row["id"]: row["ground_truth"] for row in rows(data / "possible_answer" / file)}
        candidates = []
        for row in questions:
            task = {
                "id": row["id"],
                "category": category,
                "functions": row["function"],
                "gold": gold[row["id"]],
            }
            answer = gold_answer(task, optional=True)
            truths.append([task["id"], answer, official(task, answer, "verbatim")])
            sparse = gold_answer(task, optional=False)
            if sparse != answer:
                truths.append([task["id"], sparse, official(task, sparse, "verbatim")])
            if len(json.dumps([answer, task["gold"]])) <= LONGEST_ANSWER:
                candidates.append((task, answer))
        if wanted is not None and wanted < len(candidates):
            # Tasks with arrays, objects and floats first: that is where checkers differ.
            def richness(pair):
                text = json.dumps(pair[0]["functions"])
                kinds = ("float", "array", "tuple", "dict", "any", "boolean")
                nested = text.count('"dict"') > len(pair[0]["functions"])
                return -sum(f'"{k}"' in text for k in kinds) - 3 * nested - rng.random() * 2

            half = wanted // 2
            ranked = sorted(candidates, key=richness)
            candidates = ranked[:half] + rng.sample(ranked[half:], wanted - half)
        for task, answer in candidates:
            index = len(tasks)
            called = {name for call in task["gold"] for name in call}
            # The functions called, and two more to be wrong with.
            others = [f for f in task["functions"] if f["name"] not in called][:2]
            kept = [f for f in task["functions"] if f["name"] in called or f in others]
            task["functions"] = [bare(f) for f in kept]
            tasks.append(task)
            seen = set()
            for _ in range(ROWS_PER_TASK * 6):
                if len(seen) >= ROWS_PER_TASK:
                    break
                mutated = mutate(task, answer, rng)
                if mutated is None:
                    continue
                name, calls = mutated
                dotted = any("." in called_name for called_name in called)
                naming = "underscored" if dotted and rng.random() < 0.4 else "verbatim"
                if naming == "underscored" and rng.random() < 0.7:
                    calls = [[n.replace(".", "_"), a] for n, a in calls]
                key = json.dumps([naming, calls])
                if key in seen or (naming == "verbatim" and calls == answer):
                    continue
                seen.add(key)
                answers.append([index, naming[0], name, calls, official(task, calls, naming)])
    for name, lines in [
        ("tasks", [[t["id"], t["category"], t["functions"], t["gold"]] for t in tasks]),
        ("answers", answers),
        ("ground_truths", truths),
        ("odd", odd(int(sys.argv[3]) if len(sys.argv) > 3 else 900, rng)),
    ]:
        text = "".join(
            json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines
        )
        (OUT / f"{name}.jsonl").write_text(text, encoding="utf-8")
    report(tasks, answers, truths)


def report(tasks, answers, truths):
    verdicts = {}
    for _, _, _, _, verdict in answers:
        verdicts[verdict or "valid"] = verdicts.get(verdict or "valid", 0) + 1
    print(len(tasks), "tasks,", len(answers), "mutated answers:")
    for verdict, count in sorted(verdicts.items(), key=lambda pair: -pair[1]):
        print(f"  {count:5} {verdict}")
    wrong = [(task, verdict) for task, _, verdict in truths if verdict]
    print(len(truths), "ground truths,", len(wrong), "not accepted by the official checker:", wrong)


main()
