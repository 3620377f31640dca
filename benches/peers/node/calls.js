// Asking the daemon, as a service in Node would: promises under way at once, on one channel.
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { version } from './installed.js';

export const caller = { library: '@grpc/grpc-js', version: version('@grpc/grpc-js') };

const proto = fileURLToPath(new URL('../../../proto', import.meta.url));
const includeDirs = [proto, `${proto}/third_party`];
const contract = loader.loadSync('jwtd/v1/verifier.proto', { includeDirs, enums: String, longs: Number, defaults: true });
const { VerifierService } = grpc.loadPackageDefinition(contract).jwtd.v1;

const options = { view: 'VIEW_CLAIMS' };
const UNDER_WAY = { unary: 16, batch: 4, stream: 256 };

/** The claims of a permitted token, as an object: what a library would return. */
function claims(verdict) {
  if (!verdict.permit) throw new Error(`a token is refused: ${verdict.reason} ${verdict.detail}`);
  return JSON.parse(verdict.claimsJson);
}

function ask(client, method, request) {
  return new Promise((resolve, reject) => {
    const deadline = { deadline: Date.now() + 5000 };
    client[method](request, deadline, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

/** The tokens in turn, without end. */
function* inTurn(tokens) {
  for (;;) yield* tokens;
}

const WAYS = {
  async unary(client, tokens, tally) {
    for (const token of tokens.next) {
      claims((await ask(client, 'verify', { token, options })).verdict);
      tally.tokens += 1;
    }
  },

  async batch(client, tokens, tally) {
    for (;;) {
      const { verdicts } = await ask(client, 'verifyBatch', { tokens: tokens.all, options });
      verdicts.forEach(claims);
      tally.tokens += verdicts.length;
    }
  },

  stream(client, tokens, tally) {
    return new Promise((_, reject) => {
      const call = client.verifyStream();
      let id = 0;
      const send = () => call.write({ id: (id += 1), tokens: [tokens.next.next().value], options });
      call.on('error', reject);
      call.on('end', () => reject(new Error('the stream ended')));
      call.on('data', ({ verdicts, error }) => {
        try {
          if (error) throw new Error(error.message);
          verdicts.verdicts.forEach(claims);
        } catch (fault) {
          reject(fault);
          return;
        }
        tally.tokens += verdicts.verdicts.length;
        send();
      });
      for (let count = 0; count < UNDER_WAY.stream; count += 1) send();
    });
  },
};

export const callWays = Object.keys(WAYS);

export function calling(way, tokens, { target }) {
  const client = new VerifierService(target, grpc.credentials.createInsecure());
  const turns = { all: tokens, next: inTurn(tokens) };
  // The window of a stream is of its messages.
  const workers = way === 'stream' ? 1 : UNDER_WAY[way];
  return (tally) => Promise.all(Array.from({ length: workers }, () => WAYS[way](client, turns, tally)));
}
