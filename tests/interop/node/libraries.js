// Tokens and key files of jose and jsonwebtoken, in every algorithm that they have.
import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import * as jose from 'jose';
import jsonwebtoken from 'jsonwebtoken';
import { Daemon } from './daemon.js';
import { assert } from './results.js';
import { ask, connect } from './scene.js';

const PUBLIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const SECRET = ['HS256', 'HS384', 'HS512'];
const CURVES = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

function pair(alg) {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  if (CURVES[alg]) return generateKeyPairSync('ec', { namedCurve: CURVES[alg] });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

/** One key, the files that carry it, and the source lines that name them. */
async function exported(alg) {
  if (SECRET.includes(alg)) {
    const key = createSecretKey(randomBytes(64));
    const jwk = { ...(await jose.exportJWK(key)), kid: alg, alg };
    const files = { [`${alg}.json`]: JSON.stringify({ keys: [jwk] }) };
    const sources = { jwks: `secret_file: ${alg}.json, secret_format: jwks` };
    return { alg, key, files, sources };
  }
  const { privateKey, publicKey } = pair(alg);
  const jwk = { ...(await jose.exportJWK(publicKey)), kid: alg, alg };
  const files = {
    [`${alg}.json`]: JSON.stringify({ keys: [jwk] }),
    [`${alg}.pem`]: await jose.exportSPKI(publicKey),
  };
  const sources = { jwks: `jwks_file: ${alg}.json`, pem: `pem_file: ${alg}.pem, key_id: ${alg}` };
  return { alg, key: privateKey, files, sources };
}

const issuerOf = (alg, source) => `https://${source}.example/${alg}`;

function configuration(keys) {
  const issuers = keys.flatMap(({ alg, sources }) =>
    Object.entries(sources).map(([source, text]) => {
      const issuer = issuerOf(alg, source);
      return [`${alg}-${source}`, `{ issuer: "${issuer}", audiences: [a], algorithms: [${alg}], keys: { ${text} } }`];
    }),
  );
  const lines = issuers.map(([name, text]) => `  ${name}: ${text}\n`).join('');
  const names = issuers.map(([name]) => name).join(', ');
  return `issuers:\n${lines}profiles: { default: { issuers: [${names}] } }\n`;
}

const SIGN = {
  jose: (claims, alg, key) => new jose.SignJWT(claims).setProtectedHeader({ alg, kid: alg }).sign(key),
  jsonwebtoken: (claims, alg, key) => jsonwebtoken.sign(claims, key, { algorithm: alg, keyid: alg }),
};

/** The token with one bit of one of its parts changed. */
function changed(token, part) {
  const parts = token.split('.');
  const bytes = Buffer.from(parts[part], 'base64url');
  bytes[Math.floor(bytes.length / 2)] ^= 1;
  parts[part] = bytes.toString('base64url');
  return parts.join('.');
}

async function check(client, library, { alg, key, sources }) {
  const now = Math.floor(Date.now() / 1000);
  for (const source of Object.keys(sources)) {
    const claims = { iss: issuerOf(alg, source), aud: 'a', sub: 'alice', iat: now, exp: now + 600 };
    const token = await SIGN[library](claims, alg, key);
    const tokens = [token, ...[0, 1, 2].map((part) => changed(token, part))];
    const { verdicts } = await ask(client, 'verifyBatch', { tokens });
    const permits = verdicts.map((verdict) => verdict.permit).join();
    const reasons = verdicts.map((verdict) => verdict.reason).join();
    assert(permits === 'true,false,false,false', `${source}: ${reasons}`);
  }
  return `keys as ${Object.keys(sources).join(' and ')}; 3 changed bytes refused`;
}

export async function libraryChecks(results, folder) {
  const keys = await Promise.all([...PUBLIC, ...SECRET].map(exported));
  const files = Object.assign({}, ...keys.map((key) => key.files));
  const daemon = await (await Daemon.prepare(`${folder}/l`, configuration(keys), files)).start();
  const client = connect(daemon, 'tcp');
  for (const library of Object.keys(SIGN)) {
    for (const key of keys) {
      // jsonwebtoken has no EdDSA.
      if (library === 'jsonwebtoken' && key.alg === 'EdDSA') continue;
      await results.run(library, 'tcp', key.alg, () => check(client, library, key));
    }
  }
  client.close();
  await daemon.stop();
}
