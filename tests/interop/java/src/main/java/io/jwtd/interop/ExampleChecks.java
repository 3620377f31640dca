package io.jwtd.interop;

import static io.jwtd.interop.Results.require;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** The program in `examples/clients/java`, as it stands, against the daemon. */
record ExampleChecks(Path jar, Path folder) {
    private static final int EX_TEMPFAIL = 75;
    /** Netty's log lines about its socket options are not output of the program. */
    private static final String NETTY =
        "(?m)^.*netty\\.bootstrap\\.AbstractBootstrap.*\n.*Unknown channel option 'SO_KEEPALIVE'.*\n";

    private record Ended(int code, String out, String err) {}

    String judges(Scene scene) throws Exception {
        var tokens = scene.tokens().good(Algorithm.RS256, "user-42") + "\n"
            + scene.tokens().expired(Algorithm.ES256) + "\n" + Tokens.GARBAGE + "\n";
        var ended = run(scene.daemon().target(scene.transport()), tokens);
        var expected = "permit user-42\nrefuse EXPIRED\nrefuse TOKEN_NOT_COMPACT\n";
        require(ended.code() == 0 && ended.out().equals(expected) && ended.err().isEmpty(), ended);
        return "";
    }

    /** It waits for the daemon until its deadline: without waiting it would fail at once, with UNAVAILABLE. */
    String nobodyThere(String transport) throws Exception {
        var target = "unix://" + folder.resolve("nobody.sock");
        if (transport.equals("tcp")) {
            try (var port = Daemon.freePort()) {
                target = "127.0.0.1:" + port.getLocalPort();
            }
        }
        var ended = run(target, Tokens.GARBAGE + "\n");
        require(ended.code() == EX_TEMPFAIL && ended.out().isEmpty(), ended);
        require(ended.err().equals("jwtd is unavailable: DEADLINE_EXCEEDED\n"), ended);
        return "";
    }

    private Ended run(String target, String tokens) throws IOException, InterruptedException {
        var in = Files.writeString(folder.resolve("example.in"), tokens);
        var out = folder.resolve("example.out");
        var err = folder.resolve("example.err");
        var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        var builder = new ProcessBuilder(java, "-jar", jar.toString());
        builder.environment().put("JWTD_ADDRESS", target);
        builder.redirectInput(in.toFile()).redirectOutput(out.toFile()).redirectError(err.toFile());
        var process = builder.start();
        try {
            require(process.waitFor(30, TimeUnit.SECONDS), "still running after 30 s");
            var said = Files.readString(err, StandardCharsets.UTF_8).replaceAll(NETTY, "");
            return new Ended(process.exitValue(), Files.readString(out, StandardCharsets.UTF_8), said);
        } finally {
            process.destroyForcibly();
        }
    }
}
