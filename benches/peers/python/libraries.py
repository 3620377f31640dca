"""Verifying in this process, by the library that most of Python uses."""

import importlib.metadata

import jwt

# It has no cache of tokens.
PYJWT = {
    "library": "PyJWT",
    "version": importlib.metadata.version("PyJWT"),
    "way": "no cache",
    "algorithms": ["RS256", "ES256", "HS256"],
}


def verifying(tokens, jwk, algorithm, issuer, audience):
    """All tokens in turn, again and again."""
    key = jwt.PyJWK(jwk, algorithm)
    options = {"require": ["exp", "iss", "aud"]}

    def work(tally):
        while True:
            for place, token in enumerate(tokens):
                try:
                    jwt.decode(token, key, [algorithm], options, audience=audience, issuer=issuer)
                except jwt.InvalidTokenError as error:
                    raise ValueError(f"token {place + 1} is refused: {error}") from None
            tally.tokens += len(tokens)

    return work
