package io.jwtd.peers;

import com.google.gson.Gson;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.proc.SingleKeyJWSKeySelector;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.security.Key;
import java.util.List;
import java.util.Set;

/** nimbus-jose-jwt judges the tokens in turn, put together as Spring Security does for one public key. */
final class Verify {
    private static final String LIBRARY = "nimbus-jose-jwt";
    private static final String NO_CACHE = "no cache"; // It has none to switch on.

    private record Way(String library, String version, String way, String runtime, List<String> algorithms) {}

    private Verify() {}

    static void printWays() {
        var way = new Way(LIBRARY, version(), NO_CACHE, Span.runtime(), List.of("RS256", "ES256", "HS256"));
        System.out.println(new Gson().toJson(way));
    }

    static void measure(Peer peer) throws Exception {
        if (!peer.flag("way").equals(NO_CACHE)) {
            throw new IllegalArgumentException(LIBRARY + " has no way " + peer.flag("way"));
        }
        var tokens = peer.tokens();
        var processor = new DefaultJWTProcessor<SecurityContext>();
        var algorithm = JWSAlgorithm.parse(peer.flag("algorithm"));
        processor.setJWSKeySelector(new SingleKeyJWSKeySelector<>(algorithm, key(JWK.parse(peer.text("jwk")))));
        var exact = new JWTClaimsSet.Builder().issuer(peer.flag("issuer")).build();
        processor.setJWTClaimsSetVerifier(
            new DefaultJWTClaimsVerifier<>(peer.flag("audience"), exact, Set.of("exp")));
        var span = new Span();
        Span.Job job = () -> {
            for (var at = 0;; at = (at + 1) % tokens.size()) {
                try {
                    processor.process(tokens.get(at), null);
                } catch (Exception refused) {
                    throw new IllegalStateException("token " + (at + 1) + " is refused", refused);
                }
                span.judged(1);
            }
        };
        span.measure(LIBRARY, version(), NO_CACHE, peer.seconds(), List.of(job));
    }

    private static Key key(JWK jwk) throws JOSEException {
        return switch (jwk.getKeyType().getValue()) {
            case "RSA" -> jwk.toRSAKey().toPublicKey();
            case "EC" -> jwk.toECKey().toPublicKey();
            default -> jwk.toOctetSequenceKey().toSecretKey();
        };
    }

    private static String version() {
        return Span.versionOf(JWSObject.class);
    }
}
