"""The long suites: what each shows, what its subject is, and how it is run.

The subject of a suite is a list of globs; `.ci/full --changed BASE` runs the suites whose subject a change touches.
`.ci/full --check` fails for a glob that matches nothing and for a source that is in no subject.
"""

from dataclasses import dataclass

CORE = ("crates/jwtd-core/src/*", "crates/jwtd-core/tests/*")
DOORS = ("src/lib.rs", "src/clock.rs", "src/clock/*", "src/escape.rs", "src/ext_authz.rs", "src/ext_authz/*", "src/masking.rs", "src/permit.rs", "src/files.rs", "src/files/*", "src/state.rs", "src/state/*", "src/transport/*", "src/grpc/*", "src/http/*", "src/admin/*", "src/pb.rs", "src/client/*", "build.rs", "proto/*")
MANIFESTS = ("Cargo.toml", "Cargo.lock", "crates/*/Cargo.toml")
TESTKIT = ("crates/jwtd-testkit/src/*",)
# What the measured suites use of it.
SHARED = ("crates/jwtd-testkit/src/certificates.rs", "crates/jwtd-testkit/src/launcher/*", "crates/jwtd-testkit/src/measured/*", "crates/jwtd-testkit/src/tokens/*", "crates/jwtd-testkit/src/web.rs")


@dataclass(frozen=True)
class Step:
    """A command. It reports rows through JWTD_RESULTS, or it is one row by its exit status."""

    name: str
    argv: tuple
    writes_rows: bool = False
    # What comes after it makes no sense if it fails.
    needed: bool = False
    # It may find nothing to do.
    may_skip: bool = False


@dataclass(frozen=True)
class Suite:
    name: str
    what: str
    subject: tuple
    steps: tuple
    # Only by name: it takes hours, or half of one and an idle machine.
    hours: bool = False


def cargo(name, *arguments, **more):
    return Step(name, ("cargo", *arguments), **more)


def rows(*argv, **more):
    """A command that reports rows of its own."""
    return Step(" ".join(argv), argv, writes_rows=True, **more)


def harness(name, *arguments):
    """A suite in Rust, built first."""
    test = ("--locked", "--release", "--test", name)
    return (
        cargo("build", "test", "--no-run", *test, needed=True),
        Step(name, ("cargo", "test", *test, *(("--", *arguments) if arguments else ())), writes_rows=True),
    )


DAEMON = cargo("build", "build", "--locked", "--release", needed=True)
DENY_WARNINGS = ("--", "-D", "warnings")

SUITES = (
    Suite(
        "features",
        "lints and tests of the other sets of features",
        (*CORE, *TESTKIT, *MANIFESTS, "src/*", "build.rs", "tests/attacks/*", "tests/docs/*"),
        (
            cargo("core alone: clippy", "clippy", "--locked", "--package", "jwtd-core", "--no-default-features", "--all-targets", *DENY_WARNINGS),
            cargo("core alone: tests", "test", "--locked", "--package", "jwtd-core", "--no-default-features"),
            # Only then is the code of the error looked at where something must not compile.
            Step("core with everything: doc tests", ("env", "RUSTC_BOOTSTRAP=1", "cargo", "test", "--locked", "--package", "jwtd-core", "--all-features", "--doc", "--target-dir", "target/bootstrap")),
            cargo("core with everything: tests", "test", "--locked", "--package", "jwtd-core", "--all-features"),
            cargo("daemon without aws-lc: clippy", "clippy", "--locked", "--package", "jwtd", "--no-default-features", "--lib", "--bins", *DENY_WARNINGS),
            cargo("traces: clippy", "clippy", "--locked", "--package", "jwtd", "--features", "otel", "--lib", "--bins", *DENY_WARNINGS),
        ),
    ),
    Suite(
        "dependencies",
        "licenses, bans and sources by cargo-deny",
        (*MANIFESTS, "deny.toml", "fuzz/Cargo.*"),
        (
            Step("cargo-deny is there", (".ci/tool", "cargo-deny", "0.20.2"), needed=True),
            # The database of advisories is not in a package registry. Run `check advisories` too where it can be fetched.
            Step("the daemon", ("target/tools/bin/cargo-deny", "--all-features", "--locked", "check", "bans", "licenses", "sources")),
            # They are not shipped, so that their licenses bind nobody.
            Step("the fuzz targets", ("target/tools/bin/cargo-deny", "--manifest-path", "fuzz/Cargo.toml", "--config", "deny.toml", "--locked", "check", "sources")),
        ),
    ),
    Suite(
        "mutants",
        "each check taken away: the patches of tests/mutants, and what cargo-mutants makes of the change",
        (*CORE, "src/engine/*", "src/ext_authz.rs", "src/ext_authz/*", "src/masking.rs", "src/pb.rs", "tests/mutants/*", *TESTKIT, "tests/attacks/*", "tests/forgeries/*", ".cargo/mutants.toml"),
        (rows("tests/mutants/run"), rows("tests/mutants/run", "--in-diff", may_skip=True)),
    ),
    Suite(
        "forgeries",
        "millions of forged tokens, none accepted",
        (*CORE, *MANIFESTS, "src/engine/*", "tests/forgeries/*", *SHARED),
        harness("forgeries"),
    ),
    Suite(
        "abuse",
        "hostile peers, measured with a good caller beside them",
        (*DOORS, *MANIFESTS, "src/dispatch/*", "src/app/*", "src/telemetry/*", "src/engine/*", "tests/abuse/*", "tests/faults/client.rs", *SHARED),
        harness("abuse"),
    ),
    Suite(
        "faults",
        "faults injected into the daemon, its issuers and its machine",
        (*DOORS, *MANIFESTS, "src/sources/*", "crates/jwtd-core/src/keys/*", "src/dispatch/*", "src/app/*", "src/config/*", "src/engine/*", "src/telemetry/*", "tests/faults/*", *SHARED),
        harness("faults"),
    ),
    Suite(
        "revocation",
        "ten million tokens against a million revocations, a hundred kills while revoking, a trace of the sync, and a fleet over a real Redis that shares revocations and proofs",
        ("crates/jwtd-core/src/verify/*", "src/revocation/*", "src/redis_link/*", "src/replay/*", "src/shared_replay/*", "src/state.rs", "src/state/*", "src/engine/*", "src/grpc/*", "tests/fleet/*", *SHARED, *MANIFESTS),
        (
            # `redis-server` of Debian, or another server by JWTD_REDIS.
            *harness("fleet"),
            cargo("ten million tokens", "test", "--locked", "--release", "--package", "jwtd-core", "--lib", "--", "--ignored", "of_ten_million"),
            # `strace` of Debian.
            cargo("the sync traced", "test", "--locked", "--release", "--test", "service", "--", "--ignored", "is_synced_before"),
            cargo("a hundred kills", "test", "--locked", "--release", "--test", "service", "--", "--ignored", "a_hundred_kills"),
        ),
    ),
    Suite(
        "fuzz",
        "each fuzz target for a while on new inputs",
        (*CORE, *MANIFESTS, "src/certificates/*", "src/config/*", "src/redaction.rs", "src/sources/*", "src/state.rs", "src/state/*", "src/engine/*", "src/transport/*", "src/grpc/*", "src/http/*", "src/pb.rs", "src/dispatch/*", "fuzz/*"),
        (rows("fuzz/run"),),
    ),
    Suite(
        "interop",
        "clients in Go, Java, Node, Python and the shell; Envoy, OpenTelemetry; the shapes of ten providers",
        (*DOORS, *MANIFESTS, "crates/jwtd-core/src/jose/*", "crates/jwtd-core/src/crypto/*", "src/sources/*", "src/cmd/*", "src/main.rs", "examples/*", "tests/interop/*"),
        (DAEMON, rows("tests/interop/run")),
    ),
    Suite(
        "deploy",
        "image, release, manifests, a pod's life, rules and dashboard",
        ("deploy/*", "docs/operations.md", "docs/runbook.md", "docs/scale.md", "docs/metrics.md", "src/config/*", "src/state.rs", "src/state/*", "src/telemetry/*", "src/cmd/*", "src/app/*", *MANIFESTS, "tests/deploy/*"),
        (DAEMON, rows("tests/deploy/run")),
    ),
    Suite(
        "miri",
        "undefined behavior and leaks in the parsers and the life of keys",
        ("crates/jwtd-core/src/jose/*", "crates/jwtd-core/src/keys/*", "crates/jwtd-core/src/verify/*", *MANIFESTS, "tests/miri"),
        (Step("Miri", ("tests/miri",)),),
    ),
    Suite(
        "mutants-all",
        "every mutant that cargo-mutants makes of the core and the cache",
        (".cargo/mutants.toml",),
        (rows("tests/mutants/run", "--all"),),
        hours=True,
    ),
    Suite(
        "soak",
        "half an hour of load, rotation and pushes",
        ("tests/soak/*", *SHARED),
        (cargo("soak", "test", "--locked", "--release", "--test", "soak", "--", "--minutes", "30"),),
        hours=True,
    ),
)
