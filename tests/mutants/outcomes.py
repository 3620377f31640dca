"""The rows of a run of cargo-mutants, one for each mutant, from its outcomes.json.

Usage: outcomes.py GROUP FOLDER STATUS      STATUS is what cargo-mutants exited with
"""

import json
import sys
from pathlib import Path

# A mutant that does not compile proves nothing, and one that times out counts as caught.
RESULTS = {
    "CaughtMutant": ("passed", "caught"),
    "MissedMutant": ("FAILED", "missed: no test fails"),
    "Timeout": ("passed", "timeout: a test does not end"),
    "Unviable": ("skipped", "unviable: does not compile"),
}

# All caught, some missed, some timed out; other codes mean that there was no run (its manual, "Exit codes").
ENDED = ("0", "2", "3")


def main():
    group, folder, status = sys.argv[1:]
    file = Path(folder) / "outcomes.json"
    outcomes = json.loads(file.read_text()) if file.exists() else {"outcomes": []}
    version = outcomes.get("cargo_mutants_version", "-")

    def row(what, result, note):
        print("mutants", version, group, what, result, note, sep="\t")

    for one in outcomes["outcomes"]:
        if one["scenario"] == "Baseline":
            if one["summary"] != "Success":
                row("nothing changed", "FAILED", f"the tests fail without a mutant: {one['summary']}")
            continue
        row(one["scenario"]["Mutant"]["name"], *RESULTS[one["summary"]])
    if status not in ENDED:
        row("cargo mutants", "FAILED", f"ended with {status}; see {folder}/log")


if __name__ == "__main__":
    main()
