// Verifies each token with npm jose and prints a line: `accept`, or `refuse` and the reason.
// It is used as its documentation says: `iss` and `kid` pick the key, the key says the
// algorithm.
//
// Usage: main.js FOLDER
import { createReadStream, createWriteStream, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { once } from 'node:events'
import * as jose from 'jose'

const folder = process.argv[2]
const { now, audiences, issuers } = JSON.parse(readFileSync(`${folder}/keys.json`, 'utf8'))
const keys = new Map()
for (const [issuer, jwks] of Object.entries(issuers)) {
  const of = []
  for (const jwk of jwks) of.push({ ...jwk, key: await jose.importJWK(jwk, jwk.alg) })
  keys.set(issuer, of)
}

async function verify(token) {
  const header = jose.decodeProtectedHeader(token)
  const issuer = jose.decodeJwt(token).iss
  const of = typeof issuer === 'string' ? keys.get(issuer) : undefined
  if (!of) throw new Error('an unknown issuer')
  const { kid, alg } = header
  const key = of.find((one) => (kid === undefined ? one.alg === alg : one.kid === kid))
  if (!key) throw new Error('an unknown key')
  await jose.jwtVerify(token, key.key, {
    algorithms: [key.alg],
    issuer,
    audience: audiences,
    clockTolerance: 60,
    currentDate: new Date(now * 1000),
    requiredClaims: ['exp', 'iss', 'aud'],
  })
}

const out = createWriteStream(`${folder}/jose.txt`)
for await (const line of createInterface({ input: createReadStream(`${folder}/tokens.jsonl`) })) {
  let answer = 'accept'
  try {
    await verify(JSON.parse(line).token)
  } catch (error) {
    answer = `refuse ${error.code ?? error.name}: ${error.message}`.replace(/\s+/g, ' ')
  }
  if (!out.write(`${answer}\n`)) await once(out, 'drain')
}
out.end()
await once(out, 'finish')
