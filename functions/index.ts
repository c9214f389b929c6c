/**
 * Cloud entry point: registers each function with the framework under its deployed name. The rest loads on the first
 * call.
 */
import { type HttpFunction, http } from '@google-cloud/functions-framework';
import { toNodeHandler } from 'srvx/node';
import { createLog } from './base/log.ts';
import { requestFields } from './base/request-id.ts';
import { traceFields } from './base/trace.ts';
import { loadConfig, readEnvironment } from './config/config.ts';
import { inRequestOf, leavePathsUndecoded, onEveryAnswer } from './hosts/answer-headers.ts';
import { createCloudFunctions, FUNCTION_NAMES } from './hosts/cloud.ts';
import { NO_INSTRUMENTATION } from './hosts/instrumentation.ts';
import { leaveBodiesUnread } from './hosts/unread-bodies.ts';
import { securityHeaders } from './http/security-headers.ts';

const STOP_LIMIT_MS = 8_000;
let stopsInOrder = false;

const config = loadConfig(readEnvironment());
const log = createLog({
  level: config.logLevel,
  // Only true when the emulators run in a terminal.
  pretty: process.stdout.isTTY === true,
  context: () => ({ ...requestFields(), ...traceFields(config.project) }),
  write: (line) => process.stdout.write(line),
});
const functions = createCloudFunctions({ config, log, instrumentation: NO_INSTRUMENTATION });

leaveBodiesUnread();
leavePathsUndecoded();
// Cloud Run accepts callers over TLS only.
onEveryAnswer(securityHeaders({ tls: config.inCloud }));
for (const name of FUNCTION_NAMES) {
  // srvx types its handler for HTTP/2 as well; the framework speaks HTTP/1.1 and awaits the handler's result.
  const handle = toNodeHandler(functions[name]) as HttpFunction;
  http(name, (request, response) => {
    stopInOrder();
    return inRequestOf(response, () => handle(request, response));
  });
}

/**
 * The framework exits at once on a stop signal. From the first call on there may be work, and it is handed back before
 * the exit so that no lease has to expire. Cloud Run allows ten seconds for that.
 */
function stopInOrder(): void {
  if (stopsInOrder) return;
  stopsInOrder = true;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      setTimeout(() => process.exit(), STOP_LIMIT_MS);
      void Promise.resolve(functions[Symbol.asyncDispose]()).finally(() => process.exit());
    });
  }
}
