"""Runs every check against one daemon and prints a table."""
import os
import platform
import sys
import traceback

import grpc
import jwt

import batches
import calls
import standard
from daemon import Daemon

rows: list[tuple[str, str, str, str]] = []


def main() -> int:
    seed = int(os.environ.get("SEED", "7"))
    print(f"python {platform.python_version()}, grpcio {grpc.__version__}, PyJWT {jwt.__version__}, seed {seed}")
    for module, arguments in ((batches, (seed,)), (calls, ()), (standard, ())):
        for name in [name for name in vars(module) if name.startswith("test_")]:
            test = getattr(module, name)
            for transport in getattr(test, "transports", ("-",)):
                what = name.removeprefix("test_").replace("_", " ")
                daemon = Daemon()
                try:
                    outcome = test(daemon, *((transport,) if transport != "-" else ()), *arguments) or "passed"
                except Exception as error:  # a check that fails must not hide the others
                    traceback.print_exc()
                    outcome = f"FAILED: {error!r}"[:200]
                finally:
                    if getattr(daemon, "process", None) and daemon.process.poll() is None:
                        daemon.stop()
                rows.append((f"grpcio {grpc.__version__}", transport, what, outcome))
    width = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print("  ".join(cell.ljust(size) for cell, size in zip(row, width)) + "  " + row[3])
    failed = sum(row[3].startswith("FAILED") for row in rows)
    skipped = sum(row[3].startswith("skipped") for row in rows)
    print(f"{len(rows) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
