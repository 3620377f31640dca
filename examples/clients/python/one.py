"""Asks jwtd about one token, as a service does for each request."""

import grpc
from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1.verifier_pb2_grpc import VerifierServiceStub

verifier = VerifierServiceStub(grpc.insecure_channel("unix:///run/jwtd/jwtd.sock"))


def subject(token: str) -> str:
    """Returns the proven `sub`. Raises PermissionError if there is no permit, whatever the cause."""
    request = pb.VerifyRequest(token=token, options={"view": pb.VIEW_SUMMARY})
    try:
        verdict = verifier.Verify(request, timeout=0.5, wait_for_ready=True).verdict
    except grpc.RpcError as error:  # fail closed
        raise PermissionError(error.code().name) from error
    if not verdict.permit:
        raise PermissionError(f"{verdict.reason} {verdict.detail}")
    return verdict.subject
