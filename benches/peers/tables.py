"""The tables of results, and their summary."""

from text import Table, figure, short


def done(rows, kind):
    return [row for row in rows if row.kind == kind and row.rounds]


def named(row):
    return f"{row.library} {row.version}"


def one_token(rows):
    """One token verified: in process, and by the cheapest of calls."""
    lines = [
        (row, f"{named(row)}, {row.way}", f"in process, {row.peer.capitalize()}") for row in done(rows, "verify")
    ] + [
        (row, f"jwtd, {row.state}", f"a call, {row.peer.capitalize()}")
        for row in done(rows, "call")
        if row.way == "batch"
    ]
    lines.sort(key=lambda line: (line[0].algorithm, line[0].together.median))
    return Table(
        "One token verified",
        ["algorithm", "by", "where", "CPU us a token", "tokens a second", "cores busy"],
        [
            [row.algorithm, by, where, figure(row.together), figure(row.rate), figure(row.cores)]
            for row, by, where in lines
        ],
        [
            "In process: one process, on as many threads as it is usually run with: see the cores that were busy.",
            "A call: batches over a Unix socket. The CPU is the daemon's and the caller's together; the tokens a"
            " second are those of both on the same cores.",
        ],
    )


def in_process(rows, call):
    """The cheapest way that the language of a call has by itself: one that remembers, too, if the daemon does."""
    own = [
        row
        for row in done(rows, "verify")
        if row.peer == call.peer and row.algorithm == call.algorithm and (call.cached or not row.cached)
    ]
    return min(own, key=lambda row: row.together.median, default=None)


def of_a_call(rows):
    """The caller's cost of a call, compared with verifying in process."""
    calls = done(rows, "call")
    pairs = [(row, in_process(rows, row)) for row in calls]
    cells = [
        [
            row.peer.capitalize(),
            row.algorithm,
            row.way,
            row.state,
            figure(row.own),
            figure(row.servers),
            figure(row.together),
            f"{figure(own.together)} {own.library}, {own.way}" if own else "not measured",
        ]
        for row, own in pairs
    ]
    callers = sorted({f"{row.peer.capitalize()} {named(row)}" for row in calls})
    return Table(
        "What a call costs",
        ["caller", "algorithm", "call", "daemon", "caller us a token", "daemon us a token", "together", "in process"],
        cells,
        [f"The callers: {', '.join(callers)}.", *verdicts([(row, own) for row, own in pairs if own])],
    )


def verdicts(pairs):
    """A line for each language: the cases in which a daemon saves CPU time, and the others."""
    if pairs:
        yield (
            "Where a call is cheaper than the cheapest way in process, in us of CPU a token, both sides of the call"
            " together; a daemon that remembers is held against a cache in process, where there is one:"
        )
    for peer in dict.fromkeys(row.peer for row, _ in pairs):
        found = {"cheaper": [], "dearer": [], "no different within the spread": []}
        for row, own in pairs:
            if row.peer == peer:
                word, less = compare(row.together, own.together)
                found[word].append(f"{row.algorithm} {row.way} {row.state} ({less})")
        yield f"{peer.capitalize()}: " + "; ".join(f"{word}: {', '.join(some)}" for word, some in found.items() if some) + "."


def compare(call, own):
    """In a word, and by how much."""
    less = call.median - own.median
    text = f"{'+' if less > 0 else '-'}{short(abs(less))}"
    if call.most < own.least:
        return "cheaper", text
    return ("dearer" if call.least > own.most else "no different within the spread"), text


def of_envoy(rows):
    """A request through Envoy."""
    proxies = done(rows, "proxy")
    cells = [
        [
            row.algorithm,
            row.way,
            row.state or "-",
            figure(row.server(0)),
            figure(row.server(1)) if len(row.rounds[0]["servers"]) > 1 else "-",
            figure(row.servers),
            figure(row.rate),
        ]
        for row in proxies
    ]
    return Table(
        "A request through Envoy",
        ["algorithm", "filter", "tokens are", "Envoy us a request", "jwtd us a request", "together", "requests a second"],
        cells,
        [
            *sorted({f"{named(row)}, one worker; ext_authz asks jwtd over a Unix socket." for row in proxies}),
            "Requests a second are those at the load that one client gives, on the cores that it shares with Envoy,"
            " jwtd and the server behind.",
        ],
    )


def not_measured(rows, skipped):
    cells = [[name, "skipped", why] for name, why in skipped.items()]
    cells += [[row.name, "FAILED", row.fault] for row in rows if row.fault]
    return Table("Not measured", ["what", "result", "why"], cells, [])
