package io.jwtd.interop;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.Ed25519Signer;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jwt.JWTClaimsSet;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Random;

/** Signs tokens with nimbus-jose-jwt, and spoils them. */
record Tokens(Keys keys) {
    static final String AUDIENCE = "orders-api";
    static final String GARBAGE = "garbage";
    private static final String NOTE = "note";

    String good(Algorithm algorithm, String subject) throws JOSEException {
        return sign(algorithm, issuer(algorithm), keys.of(algorithm).getKeyID(), subject, 3600);
    }

    String expired(Algorithm algorithm) throws JOSEException {
        return sign(algorithm, issuer(algorithm), keys.of(algorithm).getKeyID(), "late", -3600);
    }

    /** For the issuer whose only key is a PEM file: such a key has no id. */
    String forPem(Algorithm algorithm) throws JOSEException {
        return sign(algorithm, pemIssuer(algorithm), null, "user-pem", 3600);
    }

    static String issuer(Algorithm algorithm) {
        return algorithm.symmetric() ? "https://secret.example.com" : "https://public.example.com";
    }

    static String pemIssuer(Algorithm algorithm) {
        return "https://" + algorithm + ".example.com";
    }

    private String sign(Algorithm algorithm, String issuer, String kid, String subject, int seconds)
            throws JOSEException {
        var now = Instant.now();
        var claims = new JWTClaimsSet.Builder().issuer(issuer).audience(AUDIENCE).subject(subject)
            .issueTime(Date.from(now.minusSeconds(7200))).expirationTime(Date.from(now.plusSeconds(seconds)));
        var header = new JWSHeader.Builder(JWSAlgorithm.parse(algorithm.name()))
            .type(JOSEObjectType.JWT).keyID(kid).customParam(NOTE, "a");
        var token = new JWSObject(header.build(), new Payload(claims.build().toJSONObject()));
        token.sign(signer(algorithm));
        return token.serialize();
    }

    private JWSSigner signer(Algorithm algorithm) throws JOSEException {
        var key = keys.of(algorithm);
        return switch (key.getKeyType().getValue()) {
            case "oct" -> new MACSigner(key.toOctetSequenceKey());
            case "RSA" -> new RSASSASigner(key.toRSAKey());
            case "EC" -> new ECDSASigner(key.toECKey());
            default -> new Ed25519Signer(key.toOctetKeyPair());
        };
    }

    /** The payload as it was signed. */
    static byte[] payload(String token) {
        return decode(token.split("\\.")[1]);
    }

    /** The token once for each byte of its signature, with that byte changed. */
    static List<String> spoiledSignatures(String token) {
        var head = token.substring(0, token.lastIndexOf('.') + 1);
        var signature = decode(token.substring(head.length()));
        var spoiled = new ArrayList<String>();
        for (var at = 0; at < signature.length; at++) {
            var changed = signature.clone();
            changed[at] ^= 1;
            spoiled.add(head + Base64URL.encode(changed));
        }
        return spoiled;
    }

    /** The token with one byte of its header changed, in a parameter that no check reads. */
    static String spoiledHeader(String token) {
        return reworded(token, 0, "\"note\":\"a\"", "\"note\":\"b\"");
    }

    /** The token with one byte of its payload changed. */
    static String spoiledPayload(String token) {
        return reworded(token, 1, "\"sub\":\"u", "\"sub\":\"v");
    }

    private static String reworded(String token, int part, String from, String to) {
        var parts = token.split("\\.");
        var text = new String(decode(parts[part]));
        Results.require(text.contains(from), text);
        parts[part] = Base64URL.encode(text.replace(from, to)).toString();
        return String.join(".", parts);
    }

    private static byte[] decode(String part) {
        return new Base64URL(part).decode();
    }

    /**
     * The most expensive call: a full batch of signatures with the slowest algorithm, all
     * different, none of them valid. It keeps two cores busy for about a tenth of a second.
     */
    List<String> dear() throws JOSEException {
        var token = good(Algorithm.ES512, "user");
        var head = token.substring(0, token.lastIndexOf('.') + 1);
        var random = new Random();
        var forged = new ArrayList<String>();
        for (var count = 0; count < 1000; count++) {
            var signature = new byte[132];
            random.nextBytes(signature);
            // Both halves below the order of the group: a larger one is refused unchecked.
            signature[0] = signature[66] = 0;
            forged.add(head + Base64URL.encode(signature));
        }
        return forged;
    }
}
