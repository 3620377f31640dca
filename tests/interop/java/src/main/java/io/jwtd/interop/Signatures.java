package io.jwtd.interop;

import static io.jwtd.interop.Results.require;

import com.nimbusds.jose.JWSObject;
import io.jwtd.v1.Reason;
import io.jwtd.v1.Verdict;
import io.jwtd.v1.VerifyBatchRequest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Tokens and key files of nimbus-jose-jwt. Usage: Signatures RESULTS FOLDER */
final class Signatures {
    private Signatures() {}

    public static void main(String[] arguments) throws Exception {
        var results = new Results(Path.of(arguments[0]), "nimbus-jose-jwt", Results.versionOf(JWSObject.class));
        var tokens = new Tokens(new Keys());
        try (var daemon = new Daemon(tokens.keys(), Path.of(arguments[1], "signatures")).start()) {
            var channel = Scene.connect(daemon, "unix");
            var scene = new Scene(daemon, "unix", tokens, channel);
            for (var algorithm : Algorithm.values()) {
                results.run("unix", algorithm.name(), () -> algorithm(scene, algorithm));
            }
            results.run("unix", "JWK set, jwks_file", () -> keySet(scene, false));
            results.run("unix", "JWK set, secret_file", () -> keySet(scene, true));
            results.run("unix", "PEM, pem_file", () -> pem(scene));
            channel.shutdownNow();
        }
    }

    /** Signed, accepted; one byte changed, refused. */
    private static String algorithm(Scene scene, Algorithm algorithm) throws Exception {
        var good = scene.tokens().good(algorithm, "user");
        var tokens = new ArrayList<>(Tokens.spoiledSignatures(good));
        var length = tokens.size();
        tokens.addAll(List.of(Tokens.spoiledPayload(good), Tokens.spoiledHeader(good), good));
        var verdicts = verify(scene, tokens);
        for (var at = 0; at < length + 2; at++) {
            var verdict = verdicts.get(at);
            require(!verdict.getPermit(), at + ": " + verdict);
            require(verdict.getReason() == Reason.REASON_SIGNATURE_INVALID, at + ": " + verdict);
        }
        requirePermit(verdicts.get(length + 2));
        return "signed, accepted; one byte changed (payload, header, each of " + length + " of the signature), refused";
    }

    private static String keySet(Scene scene, boolean symmetric) throws Exception {
        var algorithms = Arrays.stream(Algorithm.values()).filter(one -> one.symmetric() == symmetric).toList();
        var tokens = new ArrayList<String>();
        for (var algorithm : algorithms) {
            tokens.add(scene.tokens().good(algorithm, "user"));
        }
        verify(scene, tokens).forEach(Signatures::requirePermit);
        return "written by JWKSet; tokens of " + algorithms.size() + " algorithms accepted";
    }

    private static String pem(Scene scene) throws Exception {
        var tokens = new ArrayList<String>();
        for (var algorithm : Keys.pemAlgorithms()) {
            tokens.add(scene.tokens().forPem(algorithm));
        }
        verify(scene, tokens).forEach(Signatures::requirePermit);
        return "written by the Java platform; tokens of " + tokens.size() + " algorithms accepted";
    }

    private static void requirePermit(Verdict verdict) {
        require(verdict.getPermit() && verdict.getReason() == Reason.REASON_OK, verdict);
    }

    private static List<Verdict> verify(Scene scene, List<String> tokens) {
        var verdicts = scene.blocking().verifyBatch(VerifyBatchRequest.newBuilder().addAllTokens(tokens).build());
        require(verdicts.getVerdictsCount() == tokens.size(), verdicts.getVerdictsCount() + " verdicts");
        return verdicts.getVerdictsList();
    }
}
