package io.jwtd.interop;

/** The signature algorithms that nimbus-jose-jwt and jwtd share. */
enum Algorithm {
    HS256, HS384, HS512,
    RS256, RS384, RS512,
    PS256, PS384, PS512,
    ES256, ES384, ES512,
    EdDSA,
    /** The name of RFC 9864 for what RFC 8037 calls EdDSA; the key is that of EdDSA. */
    Ed25519;

    boolean symmetric() {
        return name().startsWith("HS");
    }
}
