// Verifying in this process, by the libraries that most of Node uses.
import { createPublicKey, createSecretKey } from 'node:crypto';
import { createVerifier } from 'fast-jwt';
import jsonwebtoken from 'jsonwebtoken';
import { version } from './installed.js';

const algorithms = ['RS256', 'ES256', 'HS256'];

function keyOf(jwk) {
  if (jwk.kty === 'oct') return createSecretKey(Buffer.from(jwk.k, 'base64url'));
  return createPublicKey({ key: jwk, format: 'jwk' });
}

function jsonWebToken({ jwk, algorithm, issuer, audience }) {
  const key = keyOf(jwk);
  const options = { algorithms: [algorithm], issuer, audience };
  return (token) => {
    const claims = jsonwebtoken.verify(token, key, options);
    // A token without `exp` would pass; only the caller can demand one.
    if (claims.exp === undefined) throw new Error('no exp');
    return claims;
  };
}

/** fast-jwt takes a secret as its bytes and a public key as PEM, which it parses once. */
const fastJwt = (cache) => ({ jwk, algorithm, issuer, audience }) => {
  const key = keyOf(jwk);
  return createVerifier({
    key: jwk.kty === 'oct' ? key.export() : key.export({ type: 'spki', format: 'pem' }),
    algorithms: [algorithm],
    allowedIss: issuer,
    allowedAud: audience,
    requiredClaims: ['exp', 'iss', 'aud'],
    cache,
  });
};

/** A way whose name begins with `cached` remembers tokens. */
const WAYS = [
  { library: 'jsonwebtoken', way: 'no cache', make: jsonWebToken },
  { library: 'fast-jwt', way: 'cache off', make: fastJwt(false) },
  { library: 'fast-jwt', way: 'cached', make: fastJwt(true) },
];

export const ways = WAYS.map(({ library, way }) => ({ library, version: version(library), way, algorithms }));

/** All tokens in turn, again and again, in one thread. */
export function verifying(way, tokens, scene) {
  const verify = WAYS.find((one) => one.way === way).make(scene);
  // What is remembered is the very same object.
  if (way === 'cached' && verify(tokens[0]) !== verify(tokens[0])) throw new Error('the cache is not used');
  return async (tally) => {
    for (;;) {
      tokens.forEach((token, place) => {
        try {
          verify(token);
        } catch (error) {
          throw new Error(`token ${place + 1} is refused: ${error.message}`);
        }
      });
      tally.tokens += tokens.length;
      // The clock gets its turn.
      await new Promise(setImmediate);
    }
  };
}
