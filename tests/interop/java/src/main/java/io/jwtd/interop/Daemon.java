package io.jwtd.interop;

import com.nimbusds.jose.JOSEException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Locale;
import java.util.StringJoiner;
import java.util.concurrent.TimeUnit;

/** Starts `jwtd serve` in a folder of its own, waits for it, asks for its metrics and stops it. */
final class Daemon implements AutoCloseable {
    private final HttpClient http = HttpClient.newHttpClient();
    private final Path folder;
    private final int port;
    private final int admin;
    private Process process;

    Daemon(Keys keys, Path folder) throws IOException, GeneralSecurityException, JOSEException {
        this.folder = Files.createDirectory(folder);
        // Both are held until both are found.
        try (var one = freePort(); var two = freePort()) {
            port = one.getLocalPort();
            admin = two.getLocalPort();
        }
        keys.write(folder);
        Files.writeString(folder.resolve("jwtd.yaml"), configuration());
        // An interrupted run must not leave daemons behind.
        Runtime.getRuntime().addShutdownHook(new Thread(this::close));
    }

    static ServerSocket freePort() throws IOException {
        return new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    }

    private String configuration() {
        var text = new StringBuilder("""
            listen:
              - { unix: jwtd.sock, mode: "0600" }
              - { tcp: "127.0.0.1:%d" }
            admin: 127.0.0.1:%d
            drain_timeout: 3s
            issuers:
              public:
                issuer: %s
                audiences: [%4$s]
                algorithms: [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA]
                keys: { jwks_file: public.json }
              secret:
                issuer: %5$s
                audiences: [%4$s]
                algorithms: [HS256, HS384, HS512]
                keys: { secret_file: secret.json, secret_format: jwks }
            """.formatted(port, admin, Tokens.issuer(Algorithm.RS256), Tokens.AUDIENCE,
                Tokens.issuer(Algorithm.HS256)));
        var issuers = new StringJoiner(", ").add("public").add("secret");
        for (var algorithm : Keys.pemAlgorithms()) {
            var name = "pem-" + algorithm.name().toLowerCase(Locale.ROOT);
            issuers.add(name);
            text.append("""
                  %s:
                    issuer: %s
                    audiences: [%s]
                    algorithms: %s
                    keys: { pem_file: %s.pem }
                """.formatted(name, Tokens.pemIssuer(algorithm), Tokens.AUDIENCE, algorithm, algorithm));
        }
        text.append("profiles: { default: { issuers: [" + issuers + "] } }\n");
        return text.toString();
    }

    /** The gRPC target under which a client finds it. */
    String target(String transport) {
        return transport.equals("unix") ? "unix://" + folder.resolve("jwtd.sock") : "127.0.0.1:" + port;
    }

    Daemon start() throws IOException, InterruptedException {
        // Its output goes to a file: a pipe that nobody reads would fill up.
        var log = folder.resolve("log").toFile();
        process = new ProcessBuilder(System.getenv("JWTD_BIN"), "serve", "--config", folder + "/jwtd.yaml")
            .redirectErrorStream(true).redirectOutput(log).start();
        var end = System.nanoTime() + TimeUnit.SECONDS.toNanos(15);
        while (!ready()) {
            Results.require(process.isAlive(), "the daemon ended:\n" + log());
            Results.require(System.nanoTime() < end, "not ready after 15 s:\n" + log());
            Thread.sleep(20);
        }
        return this;
    }

    private boolean ready() throws InterruptedException {
        try {
            return get("/readyz").startsWith("200");
        } catch (IOException notListening) {
            return false;
        }
    }

    /** The sum of all series of a metric that have this text in their labels. */
    double metric(String name, String label) throws IOException, InterruptedException {
        var text = get("/metrics");
        // A counter has no series before its first event, but it is described.
        Results.require(text.contains("# TYPE " + name + " "), "no metric " + name);
        var series = text.lines().filter(one -> one.startsWith(name + "{") || one.startsWith(name + " "));
        var values = series.filter(one -> one.contains(label)).map(one -> one.substring(one.lastIndexOf(' ')));
        return values.mapToDouble(Double::parseDouble).sum();
    }

    /** Waits until the permits of ended calls are returned, which must be soon. */
    void awaitIdle() throws IOException, InterruptedException {
        var end = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        while (metric("jwtd_in_flight_tokens", "") + metric("jwtd_in_flight_bytes", "") > 0) {
            Results.require(System.nanoTime() < end, "tokens or bytes are still held 5 s later");
            Thread.sleep(50);
        }
    }

    private String get(String path) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + admin + path)).build();
        var answer = http.send(request, BodyHandlers.ofString());
        return answer.statusCode() + "\n" + answer.body();
    }

    private String log() throws IOException {
        return Files.readString(folder.resolve("log"));
    }

    @Override
    public void close() {
        if (process != null) {
            process.destroyForcibly();
        }
    }
}
