"""The rows of measurements, with the results of their rounds."""

import dataclasses
import statistics
import typing

from processes import Failure


@dataclasses.dataclass(frozen=True)
class Figure:
    """The median of the rounds, and how far they lie apart."""

    median: float
    least: float
    most: float


def micros_a_token(cpu_seconds, one):
    return cpu_seconds / one["tokens"] * 1e6


@dataclasses.dataclass
class Row:
    # The program that verifies or calls: a language, or Envoy.
    peer: str
    # `verify`, `call` or `proxy`.
    kind: str
    algorithm: str
    way: str
    # True if verified tokens are cached; None if nothing is verified.
    cached: typing.Optional[bool]
    # Runs it once, for so many seconds.
    run: typing.Callable
    library: str = ""
    version: str = ""
    rounds: list = dataclasses.field(default_factory=list)
    fault: str = ""

    @property
    def state(self):
        return {None: "", False: "cold", True: "cached"}[self.cached]

    @property
    def name(self):
        if self.kind == "verify":
            return f"{self.peer} {self.library} {self.way} {self.algorithm}"
        call = "call " if self.kind == "call" else ""
        return f"{self.peer} {call}{self.way} {self.algorithm} {self.state}".strip()

    def take(self, result):
        """The result of one round."""
        try:
            self.library, self.version = result["library"], result["version"]
            one = {name: result[name] for name in ("tokens", "seconds", "cpu_seconds", "servers")}
        except KeyError as missing:
            raise Failure(f"its result has no {missing}") from None
        if not one["tokens"] > 0:
            raise Failure("not one token was verified")
        self.rounds.append(one)

    def figure(self, of):
        values = [of(one) for one in self.rounds]
        return Figure(statistics.median(values), min(values), max(values))

    @property
    def own(self):
        """CPU time of the peer per token, in microseconds."""
        return self.figure(lambda one: micros_a_token(one["cpu_seconds"], one))

    def server(self, place):
        """CPU time of one server per token, in microseconds."""
        return self.figure(lambda one: micros_a_token(one["servers"][place], one))

    @property
    def servers(self):
        """CPU time of all servers per token, in microseconds."""
        return self.figure(lambda one: micros_a_token(sum(one["servers"]), one))

    @property
    def together(self):
        return self.figure(lambda one: micros_a_token(one["cpu_seconds"] + sum(one["servers"]), one))

    @property
    def rate(self):
        return self.figure(lambda one: one["tokens"] / one["seconds"])

    @property
    def cores(self):
        """The number of busy cores."""
        return self.figure(lambda one: (one["cpu_seconds"] + sum(one["servers"])) / one["seconds"])

    def as_json(self):
        kept = ("name", "kind", "peer", "library", "version", "way", "algorithm", "cached", "rounds", "fault")
        return {key: getattr(self, key) for key in kept}
