// The scene for checks of calls: keys, tokens, and a daemon that knows them.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import * as jose from 'jose';
import { Daemon } from './daemon.js';

const proto = fileURLToPath(new URL('../../../proto', import.meta.url));
const options = { includeDirs: [proto, `${proto}/third_party`], enums: String, longs: Number, defaults: true };
const contract = loader.loadSync('jwtd/v1/verifier.proto', options);
export const { VerifierService } = grpc.loadPackageDefinition(contract).jwtd.v1;

const ISSUER = 'https://login.example.com';
const CONFIG = `issuers:
  corp: { issuer: ${ISSUER}, audiences: [orders-api], algorithms: [EdDSA, ES512], keys: { jwks_file: jwks.json } }
`;
const keys = { EdDSA: generateKeyPairSync('ed25519'), ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }) };

async function jwks() {
  const one = async ([alg, { publicKey }]) => ({ ...(await jose.exportJWK(publicKey)), kid: alg, alg });
  return JSON.stringify({ keys: await Promise.all(Object.entries(keys).map(one)) });
}

export function sign(claims, alg = 'EdDSA') {
  const now = Math.floor(Date.now() / 1000);
  const all = { iss: ISSUER, aud: 'orders-api', sub: 'alice', iat: now, exp: now + 600, ...claims };
  return new jose.SignJWT(all).setProtectedHeader({ alg, kid: alg }).sign(keys[alg].privateKey);
}

export const expired = () => sign({ exp: Math.floor(Date.now() / 1000) - 3600 });

/** Signatures by the slowest algorithm, all different and none good: a tenth of a second of work. */
export async function dearBatch() {
  const head = (await sign({}, 'ES512')).split('.').slice(0, 2).join('.');
  const forged = () => {
    const signature = randomBytes(132);
    // Both halves below the order of the group: larger ones are refused unchecked.
    signature[0] = signature[66] = 0;
    return `${head}.${signature.toString('base64url')}`;
  };
  return Array.from({ length: 1000 }, forged);
}

let count = 0;

/** A daemon that is not started yet. */
export async function prepare(folder) {
  count += 1;
  return Daemon.prepare(`${folder}/n${count}`, CONFIG, { 'jwks.json': await jwks() });
}

/** A client with grpc-js' default options, which most users have. */
export const connect = (daemon, transport, Service = VerifierService) =>
  new Service(daemon.target(transport), grpc.credentials.createInsecure());

/** A unary call as a promise. `begun` is given the call. */
export function ask(client, method, request, { metadata = new grpc.Metadata(), options = {}, begun = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    begun(client[method](request, metadata, options, (error, answer) => (error ? reject(error) : resolve(answer))));
  });
}
