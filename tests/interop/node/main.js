// Usage: main.js RESULTS FOLDER
import { clientChecks } from './calls.js';
import { exampleChecks } from './example.js';
import { libraryChecks } from './libraries.js';
import { Results } from './results.js';
import { serviceChecks } from './service.js';

const [, , file, folder] = process.argv;
const results = new Results(file);
for (const transport of ['tcp', 'unix']) {
  await clientChecks(results, folder, transport);
  await serviceChecks(results, folder, transport);
  await exampleChecks(results, folder, transport);
}
await libraryChecks(results, folder);
// Channels that were cancelled on may still hold a timer.
process.exit(0);
