"""The batch: 1,000 tokens with their expected verdicts."""

from __future__ import annotations

import random
import time
from collections import Counter

import bad_text
import bad_trust
from good import own_tokens, partner_tokens
from keys import Keys
from signing import Mint
from token_case import Case

OWN, COPIES, BAD, PARTNER = 400, 100, 300, 200


class Batch:
    """Tokens in the random order of `seed`."""

    def __init__(self, keys: Keys, seed: int) -> None:
        rng = random.Random(seed)
        self.mint = Mint(keys, rng, int(time.time()))
        own = own_tokens(self.mint, OWN)
        self.cases: list[Case] = [
            *own,
            *rng.sample(own, COPIES),
            *bad_tokens(self.mint, BAD),
            *partner_tokens(self.mint, PARTNER),
        ]
        rng.shuffle(self.cases)

    @property
    def texts(self) -> list[str]:
        return [case.text for case in self.cases]

    def verdicts(self) -> Counter:
        """The number of tokens for each issuer and reason."""
        return Counter((case.issuer, case.reason) for case in self.cases)

    def checks(self, warm: bool, message: int | None = None) -> Counter:
        """The number of signature checks by algorithm and result, if the batch is sent
        in messages of `message` tokens. Copies within one message are checked
        once. With `warm`, every cacheable token is cached."""
        counts: Counter = Counter()
        size = message or len(self.cases)
        for begin in range(0, len(self.cases), size):
            pending = {
                case.text: (case.check, "good" if case.proven else "bad")
                for case in self.cases[begin : begin + size]
                if case.check and not (warm and case.remembered)
            }
            counts.update(pending.values())
        return counts

    def remembered(self) -> int:
        """The number of tokens, including copies, that are found in the cache."""
        return sum(case.remembered for case in self.cases)


def bad_tokens(mint: Mint, count: int) -> list[Case]:
    """Each way of being bad, again and again."""
    # Those that reach a key, or nearly do, are fewer and matter more.
    ways = [*bad_text.cases(), *bad_trust.cases(), *bad_trust.cases()]
    assert len(ways) <= count, "some ways would be left out"
    return [ways[number % len(ways)](mint) for number in range(count)]
