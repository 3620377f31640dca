package io.jwtd.peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;

/**
 * Measures what verified tokens cost a Java program: by nimbus-jose-jwt in its own process, or by
 * calls of jwtd with grpc-java.
 *
 * <p>Usage: Peer ways | Peer verify FLAGS | Peer call FLAGS
 */
public final class Peer {
    private final Map<String, String> flags = new HashMap<>();

    private Peer(String[] arguments) {
        for (var at = 1; at < arguments.length; at += 2) {
            if (!arguments[at].startsWith("--") || at + 1 == arguments.length) {
                throw new IllegalArgumentException("no flag with a value: " + arguments[at]);
            }
            flags.put(arguments[at].substring(2), arguments[at + 1]);
        }
    }

    public static void main(String[] arguments) {
        try {
            var peer = new Peer(arguments);
            switch (arguments.length == 0 ? "" : arguments[0]) {
                case "ways" -> Verify.printWays();
                case "verify" -> Verify.measure(peer);
                case "call" -> Call.measure(peer);
                default -> throw new IllegalArgumentException("there is no such command");
            }
        } catch (Exception error) {
            var fault = error instanceof ExecutionException ? error.getCause() : error;
            System.err.println(fault + (fault.getCause() == null ? "" : " (" + fault.getCause() + ")"));
            System.exit(1);
        }
        // The jobs would go on.
        System.exit(0);
    }

    String flag(String name) {
        var value = flags.get(name);
        if (value == null) {
            throw new IllegalArgumentException("--" + name + " is missing");
        }
        return value;
    }

    double seconds() {
        return Double.parseDouble(flag("seconds"));
    }

    String text(String name) throws IOException {
        return Files.readString(Path.of(flag(name)));
    }

    List<String> tokens() throws IOException {
        var tokens = text("tokens").lines().toList();
        if (tokens.isEmpty()) {
            throw new IllegalArgumentException(flag("tokens") + " holds no tokens");
        }
        return tokens;
    }
}
