/** The single-machine host without OpenTelemetry's SDK, to measure what that costs. Otherwise as functions/local.ts. */
import { createLog } from '../../functions/base/log.ts';
import { requestFields } from '../../functions/base/request-id.ts';
import { traceFields } from '../../functions/base/trace.ts';
import { loadConfig, readEnvironment } from '../../functions/config/config.ts';
import { startHost } from '../../functions/hosts/local.ts';

const config = loadConfig(readEnvironment());
const log = createLog({
  level: config.logLevel,
  pretty: false,
  context: () => ({ ...requestFields(), ...traceFields(config.project) }),
  write: (line) => process.stdout.write(line),
});
const host = await startHost(config, log);
process.once('SIGTERM', () => void host.stop());
