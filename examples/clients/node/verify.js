// Verifies the tokens on standard input, one per line, with jwtd.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const proto = fileURLToPath(new URL('../../../proto', import.meta.url));
const includeDirs = [proto, `${proto}/third_party`];
const contract = loader.loadSync('jwtd/v1/verifier.proto', { includeDirs, enums: String, defaults: true });
const { VerifierService } = grpc.loadPackageDefinition(contract).jwtd.v1;

const method = {
  name: [{ service: 'jwtd.v1.VerifierService' }],
  waitForReady: true,
  retryPolicy: { maxAttempts: 4, initialBackoff: '0.05s', maxBackoff: '1s', backoffMultiplier: 2, retryableStatusCodes: ['UNAVAILABLE'] },
};
const address = process.env.JWTD_ADDRESS ?? '127.0.0.1:7519';
const verifier = new VerifierService(address, grpc.credentials.createInsecure(), {
  'grpc.service_config': JSON.stringify({ methodConfig: [method] }),
});

const tokens = readFileSync(0, 'utf8').split('\n').filter(Boolean);
const request = { tokens, options: { view: 'VIEW_CLAIMS' } };
// Wait for a daemon that is starting, within the deadline; grpc-js also needs the option on the call.
const metadata = new grpc.Metadata({ waitForReady: true });
verifier.verifyBatch(request, metadata, { deadline: Date.now() + 2000 }, (error, answer) => {
  if (error) {
    console.error(`jwtd is unavailable: ${grpc.status[error.code]}`);
    process.exitCode = 75; // EX_TEMPFAIL: a failure of the service, not of the token
  }
  for (const verdict of answer?.verdicts ?? []) {
    if (verdict.permit) console.log('permit', JSON.parse(verdict.claimsJson).sub ?? '');
    else console.log('refuse', String(verdict.reason).replace('REASON_', ''));
  }
  verifier.close();
});
