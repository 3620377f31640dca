"""The content of verdicts, and the options with which requests narrow them."""

from __future__ import annotations

import time
from typing import Any

from daemon import PATIENCE, REMEMBER
from harness import Check, Scene, at_most, reason_name
from jwtd.v1 import verifier_pb2 as pb
from signing import AUDIENCE, HOUR
from token_case import Case, Summary

NOTHING = Summary("", "", [], (None, None, None), "", [], "", "")


def ask(scene: Scene, **options: Any) -> list[tuple[Case, Any]]:
    """The whole batch under these options."""
    request = pb.VerifyBatchRequest(tokens=scene.batch.texts, options=pb.VerifyOptions(**options))
    verdicts = scene.verifier.VerifyBatch(request, timeout=PATIENCE).verdicts
    assert len(verdicts) == len(scene.batch.cases)
    return list(zip(scene.batch.cases, verdicts))


def verify(scene: Scene, token: str, **options: Any) -> Any:
    request = pb.VerifyRequest(token=token, options=pb.VerifyOptions(**options))
    return scene.verifier.Verify(request, timeout=PATIENCE).verdict


def assert_reason(verdict: Any, reason: str) -> None:
    assert reason_name(verdict.reason) == reason, f"{verdict}; expected {reason}"
    assert verdict.permit == (reason == "OK"), verdict


def told(verdict: Any) -> Summary:
    def time_of(name: str) -> Any:
        return getattr(verdict, name) if verdict.HasField(name) else None

    return Summary(
        issuer=verdict.issuer,
        subject=verdict.subject,
        audiences=list(verdict.audiences),
        times=(time_of("expires_at"), time_of("issued_at"), time_of("not_before")),
        token_id=verdict.token_id,
        scopes=list(verdict.scopes),
        key_id=verdict.key_id,
        algorithm=verdict.algorithm,
    )


def assert_told(scene: Scene, pairs: list[tuple[Case, Any]], expected: Any) -> None:
    wrong = [
        f"{case.what}: {told(verdict)}; expected {expected(case)}"
        for case, verdict in pairs
        if told(verdict) != expected(case)
    ]
    assert not wrong, at_most(wrong, 3)


def summary(scene: Scene) -> None:
    """The claims that PyJWT signed, also of tokens that were refused; of a token
    whose signature was not proven, nothing."""
    pairs = ask(scene, view=pb.VIEW_SUMMARY)
    assert_told(scene, pairs, lambda case: case.summary() if case.proven else NOTHING)
    assert not any(verdict.claims_json for _, verdict in pairs)


def default_view(scene: Scene) -> None:
    """Only the times."""
    for view in (pb.VIEW_UNSPECIFIED, pb.VIEW_VERDICT):
        pairs = ask(scene, view=view)
        assert_told(
            scene,
            pairs,
            lambda case: NOTHING._replace(times=case.times()) if case.proven else NOTHING,
        )
        assert not any(verdict.claims_json for _, verdict in pairs)


def claims(scene: Scene) -> None:
    """The payload byte for byte with a permit, and never without."""
    for case, verdict in ask(scene, view=pb.VIEW_CLAIMS):
        expected = case.signed.payload if case.permit else b""
        assert verdict.claims_json == expected, f"{case.what}: {verdict.claims_json!r}"
        repeated = (verdict.subject, list(verdict.audiences), verdict.token_id, list(verdict.scopes))
        assert repeated == ("", [], "", []), f"{case.what}: repeats the claims: {verdict}"


def sundry_fields(scene: Scene) -> None:
    """The other fields of a verdict, in every view."""
    begin = int(time.time())
    for case, verdict in ask(scene):
        assert verdict.enforced, case.what
        assert bool(verdict.detail) != case.permit, f"{case.what}: {verdict.detail!r}"
        early = case.reason in ("NOT_YET_VALID", "ISSUED_IN_FUTURE")
        assert verdict.retryable == early, f"{case.what}: retryable {verdict.retryable}"
        assert verdict.HasField("retry_after") == early, case.what
        # They begin in two hours, less a minute of skew and the time of this test.
        assert not early or HOUR < verdict.retry_after.seconds < 2 * HOUR, verdict
        assert verdict.HasField("valid_until") == case.permit, case.what
        if case.permit:
            # A token that is over, within the skew of five minutes, ends with it.
            end = min(int(time.time()) + REMEMBER, int(case.claims()["exp"]) + 300)
            assert begin < verdict.valid_until <= end, f"{case.what}: {verdict.valid_until}"


def no_text_of_the_token(scene: Scene) -> None:
    """`detail` goes into logs; nothing that a bearer wrote may get there with it."""
    for case, verdict in ask(scene):
        written = [part for part in case.text.split(".") if len(part) > 8]
        if case.signed:
            written += [
                value for value in case.claims().values() if isinstance(value, str) and len(value) > 3
            ]
        leaks = [text for text in written if text in verdict.detail]
        assert not leaks, f"{case.what}: {verdict.detail!r} holds {leaks}"


def unary(scene: Scene) -> None:
    """One token at a time is judged as in the batch."""
    seen = set()
    for case in scene.batch.cases:
        if case.what not in seen:
            seen.add(case.what)
            assert_reason(verify(scene, case.text), case.reason)


def contexts(scene: Scene) -> None:
    """A context for each token is accepted and changes nothing."""
    tokens = scene.batch.texts[:10]
    request = pb.VerifyBatchRequest(tokens=tokens, contexts=[pb.TokenContext()] * len(tokens))
    verdicts = scene.verifier.VerifyBatch(request, timeout=PATIENCE).verdicts
    assert [reason_name(one.reason) for one in verdicts] == [case.reason for case in scene.batch.cases[:10]]


def audiences(scene: Scene) -> None:
    token = scene.batch.mint.sign(aud=["payments-api", AUDIENCE]).text
    assert_reason(verify(scene, token, audiences=[AUDIENCE]), "OK")
    assert_reason(verify(scene, token, audiences=["x", AUDIENCE]), "OK")
    assert_reason(verify(scene, token, audiences=["x"]), "AUDIENCE_MISMATCH")
    # The token names it and the request asks for it, but nobody configured it.
    assert_reason(verify(scene, token, audiences=["payments-api"]), "AUDIENCE_MISMATCH")
    assert_reason(verify(scene, token, audiences=[AUDIENCE] * 32), "OK")


def scopes(scene: Scene) -> None:
    mint = scene.batch.mint
    for token in (
        mint.sign(scope="orders:read orders:write").text,
        mint.sign(scope=["orders:read", "orders:write"]).text,
        mint.sign(scope="orders:read", scp="orders:write").text,
    ):
        assert_reason(verify(scene, token, scopes=["orders:write"]), "OK")
        assert_reason(verify(scene, token, scopes=["orders:write", "orders:read"]), "OK")
        assert_reason(verify(scene, token, scopes=["orders:read", "orders:delete"]), "SCOPE_MISSING")
        assert_reason(verify(scene, token, scopes=["orders"]), "SCOPE_MISSING")
        assert_reason(verify(scene, token, scopes=["orders:read"] * 64), "OK")
    assert_reason(verify(scene, mint.sign(scope="a", exp=1).text, scopes=["b"]), "EXPIRED")


def profiles(scene: Scene) -> None:
    """The same token under another profile."""
    mint = scene.batch.mint
    plain = mint.sign("partner", aud="billing-api", tenant=None).text
    assert_reason(verify(scene, plain), "AUDIENCE_MISMATCH")
    assert_reason(verify(scene, plain, profile="default"), "AUDIENCE_MISMATCH")
    verdict = verify(scene, plain, profile="partners")
    assert_reason(verdict, "OK")
    assert not verdict.HasField("valid_until"), "this profile does not set `remember`"
    assert_reason(verify(scene, mint.sign("crowd", "ES256").text, profile="partners"), "OK")
    assert_reason(verify(scene, mint.sign("corp").text, profile="partners"), "ISSUER_NOT_IN_PROFILE")


CHECKS: list[Check] = [
    ("one token at a time", unary),
    ("view summary: the claims as signed", summary),
    ("default view: neither", default_view),
    ("view claims: byte for byte", claims),
    ("other fields of a verdict", sundry_fields),
    ("detail holds no text of a token", no_text_of_the_token),
    ("contexts, one for each token", contexts),
    ("narrowing by audiences", audiences),
    ("narrowing by scopes", scopes),
    ("profiles", profiles),
]
