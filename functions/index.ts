/**
 * The entry of the cloud: gives each function to the framework under the name that it is deployed by. Everything else is
 * loaded when a function is first called.
 */
import { type HttpFunction, http } from '@google-cloud/functions-framework';
import { toNodeHandler } from 'srvx/node';
import { createCloudFunctions, FUNCTION_NAMES } from './cloud.ts';
import { loadConfig, readEnvironment } from './config.ts';
import { createLog } from './log.ts';
import { NO_SEAMS } from './seams.ts';
import { traceFields } from './trace.ts';
import { leaveBodiesUnread } from './unread-bodies.ts';

const config = loadConfig(readEnvironment());
const log = createLog({
  level: config.logLevel,
  // For people only where the emulators run in a terminal.
  pretty: process.stdout.isTTY === true,
  context: () => traceFields(config.project),
  write: (line) => process.stdout.write(line),
});
const functions = createCloudFunctions({ config, log, seams: NO_SEAMS });

leaveBodiesUnread();
for (const name of FUNCTION_NAMES) {
  // srvx types its handler for HTTP/2 as well; the framework speaks HTTP/1.1, and awaits what a handler returns.
  http(name, toNodeHandler(functions[name]) as HttpFunction);
}
