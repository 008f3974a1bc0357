"""Makes the success of every arm of a report, and its differences, again from scores.jsonl alone.

    python3 recompute.py FOLDER        a folder that `harness evolve --out FOLDER` wrote
"""

import collections
import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
report = json.loads((folder / "report.json").read_text())
scores = collections.defaultdict(dict)
for line in (folder / "scores.jsonl").read_text().splitlines():
    one = json.loads(line)
    if one["score"] is not None:  # None: the infrastructure lost it, which is no result
        scores[one["arm"], one["split"]][one["task"], one["seed"]] = one["score"]

compared = 0
for row in report["rows"]:
    for split, cell in row["cells"].items():
        found = scores[row["name"], split].values()
        assert abs(sum(found) / len(found) - cell["success"]["mean"]) < 1e-9, (row["name"], split)
        compared += 1
for one in report["contrasts"]:
    new, old = scores[one["arm"], one["split"]], scores[one["against"], one["split"]]
    both = [new[key] - old[key] for key in new.keys() & old.keys()]
    assert abs(sum(both) / len(both) - one["difference"]["mean"]) < 1e-9, one
    compared += 1
print(f"{compared} numbers of the report are those of scores.jsonl")
