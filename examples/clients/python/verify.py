"""Verifies the tokens on standard input, one per line, with jwtd."""

import json
import os
import sys

import grpc
from jwtd.v1 import verifier_pb2 as pb
from jwtd.v1.verifier_pb2_grpc import VerifierServiceStub

RETRY = {"maxAttempts": 4, "initialBackoff": "0.05s", "maxBackoff": "1s", "backoffMultiplier": 2}
METHOD = {
    "name": [{"service": "jwtd.v1.VerifierService"}],
    "waitForReady": True,  # wait for a daemon that is starting, within the deadline
    "retryPolicy": {**RETRY, "retryableStatusCodes": ["UNAVAILABLE"]},
}
REASONS = {number: name.removeprefix("REASON_") for name, number in pb.Reason.items()}


def main() -> int:
    request = pb.VerifyBatchRequest(tokens=sys.stdin.read().split(), options={"view": pb.VIEW_CLAIMS})
    address = os.environ.get("JWTD_ADDRESS", "127.0.0.1:7519")
    options = [("grpc.service_config", json.dumps({"methodConfig": [METHOD]}))]
    with grpc.insecure_channel(address, options) as channel:
        try:
            answer = VerifierServiceStub(channel).VerifyBatch(request, timeout=2)
        except grpc.RpcError as error:
            print(f"jwtd is unavailable: {error.code().name}", file=sys.stderr)
            return 75  # EX_TEMPFAIL: a failure of the service, not of the token
    for verdict in answer.verdicts:
        if verdict.permit:
            print("permit", json.loads(verdict.claims_json).get("sub", ""))
        else:  # a newer daemon may have reasons that these stubs cannot name
            print("refuse", REASONS.get(verdict.reason, verdict.reason))
    return 0


if __name__ == "__main__":
    sys.exit(main())
