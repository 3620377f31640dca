"""Rows of the table: each check is a function that raises where something is wrong."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Callable, Optional


class Results:
    def __init__(self, path: str, part: str, version: str) -> None:
        self.path, self.part, self.version = path, part, version

    def row(self, what: str, result: str, note: str = "") -> None:
        note = " ".join(note.split())[:600]
        with open(self.path, "a") as rows:
            rows.write("\t".join([self.part, self.version, "none", what, result, note]) + "\n")

    def check(self, what: str, work: Callable[[], Optional[str]]) -> None:
        """`work` may return a note."""
        try:
            self.row(what, "passed", work() or "")
        except Exception as error:  # noqa: BLE001
            if os.environ.get("JWTD_TRACE") or not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stderr)
            self.row(what, "FAILED", f"{type(error).__name__}: {error}")

    def control(self, what: str, work: Callable[[], Optional[str]]) -> None:
        """Something is broken on purpose: `work` must notice it."""
        try:
            work()
        except AssertionError as error:
            self.row(f"control: {what}", "passed", f"noticed: {error}")
        except Exception as error:  # noqa: BLE001
            self.row(f"control: {what}", "FAILED", f"{type(error).__name__}: {error}")
        else:
            self.row(f"control: {what}", "FAILED", "not noticed")
