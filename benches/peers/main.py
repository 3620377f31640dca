"""Compares jwtd with the libraries that people use today. `run` starts it; README.md describes it.

The daemon is JWTD_BIN.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile

import machine
import tables
from plan import plan
from processes import Failure, Processes
from scene import COUNT, Scene


def arguments():
    parser = argparse.ArgumentParser(prog="run", description="Measure jwtd beside what people use today.")
    parser.add_argument("--quick", action="store_true", help="one round of 0.5 s a measurement")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the measurements with this in their name")
    parser.add_argument("--markdown", action="store_true", help="the tables as Markdown")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="all figures of all rounds, too")
    return parser.parse_args()


def say(text):
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def stage(daemon):
    """A scene in its own folder, which is removed whatever ends it."""

    def end(number, _):
        # The first signal is enough: a second must not disturb the cleaning up.
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, end)
    processes = Processes()
    # Short, for the sockets in it.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="jwtd-", dir="/tmp"))
    try:
        yield Scene(daemon, folder, processes)
    finally:
        processes.close()
        shutil.rmtree(folder)


def measure(rows, rounds, seconds):
    """Runs the rows alternately, so that other load on the machine affects all of them."""
    for number in range(rounds):
        for place, row in enumerate(rows):
            # A row that has failed once is not retried.
            if row.fault:
                continue
            say(f"round {number + 1} of {rounds}, {place + 1} of {len(rows)}: {row.name}")
            try:
                row.take(row.run(seconds))
            except Failure as failure:
                row.fault = str(failure)
                say(f"  failed: {row.fault}")


def main(args):
    daemon = os.environ["JWTD_BIN"]
    rounds, seconds = (1, 0.5) if args.quick else (3, 2.0)
    with stage(daemon) as scene:
        rows, runtimes, skipped = plan(scene)
        rows = [row for row in rows if args.only in row.name]
        if not rows:
            sys.exit(f"there is no measurement with {args.only!r} in its name; skipped: {skipped or 'none'}")
        measured = f"{len(rows)} rows, {rounds} x {seconds} s each; of several the median (least-most)"
        head = machine.describe(daemon, runtimes, measured)
        measure(rows, rounds, seconds)
        sizes = {row.algorithm: scene.tokens(row.algorithm).mean_bytes for row in rows}
        head["tokens"] = ", ".join(f"{COUNT} of {size} bytes ({name})" for name, size in sizes.items())
    shown = [tables.one_token(rows), tables.of_a_call(rows), tables.of_envoy(rows), tables.not_measured(rows, skipped)]
    bullet = "* " if args.markdown else ""
    print("\n".join(f"{bullet}{name}: {value}" for name, value in head.items()))
    for table in shown:
        if table.cells:
            print("\n" + (table.markdown() if args.markdown else table.text()))
    if args.json:
        data = {"head": head, "skipped": skipped, "rows": [row.as_json() for row in rows]}
        args.json.write_text(json.dumps(data, indent=2) + "\n")
    return 1 if any(row.fault for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(arguments()))
