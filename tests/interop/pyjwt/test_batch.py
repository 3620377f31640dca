"""The whole batch in one call and on a stream, cold and warm: verdicts, and what
was counted."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from typing import Any, Callable
from collections.abc import Iterable

from daemon import PATIENCE, Metrics
from harness import Check, Scene, Skip, at_most, reason_name
from jwtd.v1 import verifier_pb2 as pb
from keys import USELESS
from token_case import Case

STREAM_SIZES = [1, 7, 64, 256]


def assert_verdicts(cases: list[Case], verdicts: Iterable[Any]) -> None:
    verdicts = list(verdicts)
    assert len(verdicts) == len(cases), f"{len(verdicts)} verdicts for {len(cases)} tokens"
    wrong = []
    for place, (case, verdict) in enumerate(zip(cases, verdicts)):
        reason = reason_name(verdict.reason)
        if (reason, verdict.permit) != (case.reason, case.permit):
            wrong.append(f"{place} ({case.what}): {reason}, permit {verdict.permit}; expected {case.reason}")
    assert not wrong, at_most(wrong)


def assert_counts(scene: Scene, before: Metrics, checks: Counter, hits: int) -> None:
    """The batch was counted once, and exactly `checks` signatures were checked."""
    after = scene.daemon.metrics()
    counted = after.since(before, "jwtd_signature_checks_total")
    assert counted == checks, f"signature checks: {counted - checks} too many, {checks - counted} too few"
    verdicts = Counter(
        {(issuer, "default", reason): count for (issuer, reason), count in scene.batch.verdicts().items()}
    )
    counted = after.since(before, "jwtd_verifications_total")
    assert counted == verdicts, f"verifications: {counted - verdicts} too many, {verdicts - counted} too few"
    found = after.since(before, "jwtd_cache_requests_total")[("hit",)]
    assert found == hits, f"{found} tokens were remembered; expected {hits}"


def one_batch(warm: bool) -> Callable[[Scene], None]:
    def check(scene: Scene) -> None:
        before = scene.daemon.metrics()
        answer = scene.verifier.VerifyBatch(pb.VerifyBatchRequest(tokens=scene.batch.texts), timeout=PATIENCE)
        assert_verdicts(scene.batch.cases, answer.verdicts)
        hits = scene.batch.remembered() if warm else 0
        assert_counts(scene, before, scene.batch.checks(warm), hits)

    return check


def stream(size: int) -> Callable[[Scene], None]:
    def check(scene: Scene) -> None:
        """Answers come in any order; they belong to the message with their id."""
        before = scene.daemon.metrics()
        cases = scene.batch.cases
        parts = {1000 + begin: cases[begin : begin + size] for begin in range(0, len(cases), size)}
        requests = (
            pb.VerifyStreamRequest(id=number, tokens=[case.text for case in part])
            for number, part in parts.items()
        )
        waiting = dict(parts)
        for answer in scene.verifier.VerifyStream(requests, timeout=PATIENCE):
            assert answer.WhichOneof("result") == "verdicts", f"message {answer.id}: {answer.error}"
            assert answer.id in waiting, f"an answer to message {answer.id}, which waits for none"
            assert_verdicts(waiting.pop(answer.id), answer.verdicts.verdicts)
        assert not waiting, f"no answer to messages {sorted(waiting)}"
        # Copies in different messages are checked again, unless they are remembered.
        assert_counts(scene, before, scene.batch.checks(True, size), scene.batch.remembered())

    return check


def usable_keys(scene: Scene) -> None:
    """Only the unusable keys of each set are skipped, and the log names them."""
    keys = scene.daemon.metrics().series["jwtd_jwks_keys"]
    expected = {("corp",): 10, ("partner",): 10, ("internal",): 3, ("legacy",): 1, ("crowd",): 10, ("stranger",): 10}
    assert keys == expected, keys
    log = scene.daemon.log()
    unnamed = [kid for kid in USELESS if kid not in log]
    assert not unnamed, f"skipped without a word: {unnamed}\n{log}"


def reason_labels(scene: Scene) -> None:
    """Every reason that was given is counted under its name in the contract."""
    known = {name[len("REASON_") :] for name in pb.Reason.keys()}
    counted = {reason for _, _, reason in scene.daemon.metrics().series["jwtd_verifications_total"]}
    assert counted <= known, counted - known
    expected = {case.reason for case in scene.batch.cases}
    assert expected <= counted, expected - counted


def promtool(scene: Scene) -> None:
    if not shutil.which("promtool"):
        raise Skip("promtool is not installed, and `run` could not get it (needs root and apt)")
    metrics = scene.daemon.metrics().text
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True, timeout=PATIENCE
    )
    said = checked.stdout + checked.stderr
    assert checked.returncode == 0 and not said, f"exit {checked.returncode}:\n{said}"


# In this order: the first leaves the cache warm.
CHECKS: list[Check] = [
    ("usable keys are counted", usable_keys),
    ("batch of 1,000, cold", one_batch(warm=False)),
    ("batch of 1,000, warm", one_batch(warm=True)),
    ("batch of 1,000, warm again", one_batch(warm=True)),
    *((f"stream, messages of {size}", stream(size)) for size in STREAM_SIZES),
    ("reasons in the metrics", reason_labels),
    ("promtool check metrics", promtool),
]
