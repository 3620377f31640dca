package io.jwtd.interop;

import io.grpc.Grpc;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * All calls over both transports, with the build of Netty that is on the class path.
 * Usage: Calls RESULTS FOLDER CLIENT EXAMPLE
 */
final class Calls {
    private Calls() {}

    public static void main(String[] arguments) throws Exception {
        var results = new Results(Path.of(arguments[0]), arguments[2], Results.versionOf(Grpc.class));
        var folder = Files.createDirectory(Path.of(arguments[1], "calls"));
        var example = new ExampleChecks(Path.of(arguments[3]), folder);
        var tokens = new Tokens(new Keys());
        for (var transport : new String[] {"tcp", "unix"}) {
            try (var daemon = new Daemon(tokens.keys(), folder.resolve(transport)).start()) {
                var channel = Scene.connect(daemon, transport);
                var scene = new Scene(daemon, transport, tokens, channel);
                results.run(transport, "unary", () -> VerdictChecks.unary(scene));
                results.run(transport, "batch", () -> VerdictChecks.batch(scene));
                results.run(transport, "stream", () -> VerdictChecks.stream(scene));
                results.run(transport, "deadline", () -> CallChecks.deadline(scene));
                results.run(transport, "cancellation, unary", () -> CallChecks.cancelledUnary(scene));
                results.run(transport, "cancellation, stream", () -> CallChecks.cancelledStream(scene));
                results.run(transport, "health", () -> ServiceChecks.health(scene));
                results.run(transport, "reflection", () -> ServiceChecks.reflection(scene));
                results.run(transport, "example", () -> example.judges(scene));
                channel.shutdownNow();
            }
            results.run(transport, "example, no daemon", () -> example.nobodyThere(transport));
            try (var daemon = new Daemon(tokens.keys(), folder.resolve(transport + "-late"))) {
                results.run(transport, "wait-for-ready", () -> CallChecks.waitForReady(daemon, transport, tokens));
            }
        }
    }
}
