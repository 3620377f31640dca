// Usage: main.js ways | main.js verify OPTION... | main.js call OPTION...      see ../README.md
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { caller, calling, callWays } from './calls.js';
import { measure } from './measure.js';
import { verifying, ways } from './libraries.js';

const OPTIONS = ['tokens', 'jwk', 'algorithm', 'issuer', 'audience', 'target', 'way', 'seconds'];

async function main([form, ...args]) {
  if (form === 'ways') {
    const runtime = `Node ${process.versions.node}`;
    for (const way of ways) console.log(JSON.stringify({ ...way, runtime }));
    return;
  }
  const { values } = parseArgs({ args, options: Object.fromEntries(OPTIONS.map((name) => [name, { type: 'string' }])) });
  const tokens = readFileSync(values.tokens, 'utf8').split('\n').filter(Boolean);
  const { way } = values;
  const found = ways.find((one) => one.way === way);
  if (form === 'verify' && found) {
    const jwk = JSON.parse(readFileSync(values.jwk, 'utf8'));
    const { library, version } = found;
    await measure(values.seconds, { library, version, way }, verifying(way, tokens, { ...values, jwk }));
  } else if (form === 'call' && callWays.includes(way)) {
    // Until then much of grpc-js is not compiled yet, and a call costs a multiple.
    await measure(values.seconds, { ...caller, way }, calling(way, tokens, values), 2);
  } else {
    throw new Error(`there is no way ${way} to ${form}`);
  }
}

try {
  await main(process.argv.slice(2));
  // Calls that are still under way are of no interest.
  process.exit(0);
} catch (error) {
  console.error(String(error?.message ?? error));
  process.exit(1);
}
