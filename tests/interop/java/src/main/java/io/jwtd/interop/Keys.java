package io.jwtd.interop;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.OctetKeyPair;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.OctetSequenceKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jose.util.Base64URL;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.interfaces.EdECPrivateKey;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumMap;
import java.util.Map;

/** A key for each algorithm, by nimbus-jose-jwt and the Java platform, and the files that the daemon reads. */
final class Keys {
    private final Map<Algorithm, JWK> keys = new EnumMap<>(Algorithm.class);
    private final KeyPair edwards;

    Keys() throws GeneralSecurityException, JOSEException {
        edwards = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        for (var algorithm : Algorithm.values()) {
            keys.put(algorithm, make(algorithm));
        }
        // One key under two names of its algorithm.
        keys.put(Algorithm.Ed25519, keys.get(Algorithm.EdDSA));
    }

    JWK of(Algorithm algorithm) {
        return keys.get(algorithm);
    }

    /** Writes the files that the daemon's configuration names. */
    void write(Path folder) throws IOException, GeneralSecurityException, JOSEException {
        var all = keys.values().stream().distinct().toList();
        var publics = all.stream().map(JWK::toPublicJWK).filter(key -> key != null).toList();
        var secrets = all.stream().filter(key -> key.toPublicJWK() == null).toList();
        Files.writeString(folder.resolve("public.json"), new JWKSet(publics).toString());
        Files.writeString(folder.resolve("secret.json"), new JWKSet(secrets).toString(false));
        for (var algorithm : pemAlgorithms()) {
            Files.writeString(folder.resolve(algorithm + ".pem"), pem(publicKey(algorithm)));
        }
    }

    /** Those whose public keys are exported as PEM, each to a file of its own. */
    static Algorithm[] pemAlgorithms() {
        var all = Arrays.stream(Algorithm.values());
        return all.filter(one -> !one.symmetric() && one != Algorithm.Ed25519).toArray(Algorithm[]::new);
    }

    private JWK make(Algorithm algorithm) throws JOSEException {
        var name = algorithm.name();
        var alg = JWSAlgorithm.parse(name);
        var kid = "key-" + name;
        return switch (algorithm) {
            case HS256, HS384, HS512 ->
                new OctetSequenceKeyGenerator(512).keyID(kid).algorithm(alg).keyUse(KeyUse.SIGNATURE).generate();
            // Not all of one size, so that no length of a signature is taken for granted.
            case RS384, PS384 ->
                new RSAKeyGenerator(3072).keyID(kid).algorithm(alg).keyUse(KeyUse.SIGNATURE).generate();
            case RS256, RS512, PS256, PS512 ->
                new RSAKeyGenerator(2048).keyID(kid).algorithm(alg).keyUse(KeyUse.SIGNATURE).generate();
            case ES256, ES384, ES512 -> {
                var curve = Curve.forJWSAlgorithm(alg).iterator().next();
                yield new ECKeyGenerator(curve).keyID(kid).algorithm(alg).keyUse(KeyUse.SIGNATURE).generate();
            }
            case EdDSA, Ed25519 ->
                new OctetKeyPair.Builder(Curve.Ed25519, Base64URL.encode(point()))
                    .d(Base64URL.encode(((EdECPrivateKey) edwards.getPrivate()).getBytes().orElseThrow()))
                    .keyID(kid).algorithm(alg).keyUse(KeyUse.SIGNATURE).build();
        };
    }

    /** The 32 bytes at the end of the X.509 form (RFC 8410). */
    private byte[] point() {
        var encoded = edwards.getPublic().getEncoded();
        return Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length);
    }

    /** nimbus-jose-jwt gives Edwards keys no form of the Java platform; there we ask the platform itself. */
    private PublicKey publicKey(Algorithm algorithm) throws JOSEException {
        return switch (of(algorithm).getKeyType().getValue()) {
            case "RSA" -> of(algorithm).toRSAKey().toPublicKey();
            case "EC" -> ((ECKey) of(algorithm)).toPublicKey();
            default -> edwards.getPublic();
        };
    }

    /** SubjectPublicKeyInfo in the textual encoding of RFC 7468. */
    private static String pem(PublicKey key) {
        var body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(key.getEncoded());
        return "-----BEGIN PUBLIC KEY-----\n" + body + "\n-----END PUBLIC KEY-----\n";
    }
}
