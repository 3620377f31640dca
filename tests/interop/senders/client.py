"""A client that proves its key with requests-oauth2client. It reads one question in JSON a line, and writes one answer a
line."""

import base64
import hashlib
import json
import sys

import requests
from requests_oauth2client import DPoPKey, DPoPToken

keys = {}


def answer(ask, alg, token=None, method=None, url=None, nonce=None):
    if ask == "key":
        keys[alg] = DPoPKey.generate(alg=alg)
        return {"jkt": str(keys[alg].dpop_jkt)}
    key = keys[alg]
    if ask == "proof":
        digest = hashlib.sha256(token.encode()).digest()
        ath = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        # Without the nonces that the key remembers.
        bare = DPoPKey(private_key=key.private_key, alg=key.alg)
        return {"proof": str(bare.proof(htm=method, htu=url, ath=ath, nonce=nonce))}
    # The library repeats the request itself when a nonce is asked for.
    response = requests.request(method, url, auth=DPoPToken(access_token=token, _dpop_key=key), timeout=5)
    return {"status": response.status_code, "body": response.text}


for line in sys.stdin:
    try:
        said = answer(**json.loads(line))
    except Exception as error:
        said = {"error": repr(error)}
    print(json.dumps(said), flush=True)
