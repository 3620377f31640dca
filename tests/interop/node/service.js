// Standard services of every gRPC server: health and reflection.
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { assert } from './results.js';
import { ask, connect, prepare } from './scene.js';

const SERVICE = 'jwtd.v1.VerifierService';
const load = (file) => grpc.loadPackageDefinition(loader.loadSync(file, { enums: String, oneofs: true })).grpc;
const { Health } = load(protoPath).health.v1;
const { ServerReflection } = load(fileURLToPath(new URL('reflection.proto', import.meta.url))).reflection.v1;

async function health(daemon, transport) {
  const client = connect(daemon, transport, Health);
  for (const service of ['', SERVICE]) {
    const { status } = await ask(client, 'check', { service });
    assert(status === 'SERVING', `${service}: ${status}`);
    const watch = client.watch({ service });
    const first = await new Promise((resolve, reject) => watch.once('data', resolve).once('error', reject));
    assert(first.status === 'SERVING', `${service}: ${first.status}`);
    watch.on('error', () => {});
    watch.cancel();
  }
  const code = await ask(client, 'check', { service: 'nobody' }).then(() => 'OK', (error) => error.code);
  assert(code === grpc.status.NOT_FOUND, `an unknown service: ${code}`);
  client.close();
}

/** Tools see the published contract: tokens are strings. */
async function reflection(daemon, transport) {
  const client = connect(daemon, transport, ServerReflection);
  const call = client.serverReflectionInfo();
  const answers = [];
  const ended = new Promise((resolve, reject) => call.on('end', resolve).on('error', reject));
  call.on('data', (answer) => answers.push(answer));
  call.write({ listServices: '' });
  call.write({ fileContainingSymbol: 'jwtd.v1.VerifyRequest' });
  call.end();
  await ended;
  client.close();
  const services = answers[0].listServicesResponse.service.map((service) => service.name);
  assert(services.includes(SERVICE) && services.includes('grpc.health.v1.Health'), services.join());
  const files = answers[1].fileDescriptorResponse.fileDescriptorProto.map((file) =>
    descriptor.FileDescriptorProto.decode(file),
  );
  const messages = files.filter((file) => file.package === 'jwtd.v1').flatMap((file) => file.messageType);
  const token = messages.find((one) => one.name === 'VerifyRequest').field.find((one) => one.name === 'token');
  assert(token.type === 9, `VerifyRequest.token has type ${token.type}, not TYPE_STRING`);
}

export async function serviceChecks(results, folder, transport) {
  const daemon = await (await prepare(folder)).start();
  for (const [what, check] of Object.entries({ health, reflection })) {
    await results.run('@grpc/grpc-js', transport, what, () => check(daemon, transport));
  }
  await daemon.stop();
}
