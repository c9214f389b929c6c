/**
 * The entry of the cloud: gives each function to the framework under the name that it is deployed by. Everything else is
 * loaded when a function is first called.
 */
import { type HttpFunction, http } from '@google-cloud/functions-framework';
import { toNodeHandler } from 'srvx/node';
import { createLog } from './base/log.ts';
import { traceFields } from './base/trace.ts';
import { loadConfig, readEnvironment } from './config/config.ts';
import { leavePathsUndecoded, onEveryAnswer } from './hosts/answer-headers.ts';
import { createCloudFunctions, FUNCTION_NAMES } from './hosts/cloud.ts';
import { NO_INSTRUMENTATION } from './hosts/instrumentation.ts';
import { leaveBodiesUnread } from './hosts/unread-bodies.ts';
import { securityHeaders } from './http/security-headers.ts';

const STOP_LIMIT_MS = 8_000;
let heedingStop = false;

const config = loadConfig(readEnvironment());
const log = createLog({
  level: config.logLevel,
  // For people only where the emulators run in a terminal.
  pretty: process.stdout.isTTY === true,
  context: () => traceFields(config.project),
  write: (line) => process.stdout.write(line),
});
const functions = createCloudFunctions({ config, log, instrumentation: NO_INSTRUMENTATION });

leaveBodiesUnread();
leavePathsUndecoded();
// On Cloud Run nobody comes but by TLS.
onEveryAnswer(securityHeaders({ tls: config.inCloud }));
for (const name of FUNCTION_NAMES) {
  // srvx types its handler for HTTP/2 as well; the framework speaks HTTP/1.1, and awaits what a handler returns.
  const handle = toNodeHandler(functions[name]) as HttpFunction;
  http(name, (request, response) => {
    stopInOrder();
    return handle(request, response);
  });
}

/**
 * The framework ends the process at once when it is told to stop. Once there may be work, it is handed back first, so that
 * no lease has to lapse: Cloud Run leaves ten seconds for that.
 */
function stopInOrder(): void {
  if (heedingStop) return;
  heedingStop = true;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      setTimeout(() => process.exit(), STOP_LIMIT_MS);
      void Promise.resolve(functions[Symbol.asyncDispose]()).finally(() => process.exit());
    });
  }
}
