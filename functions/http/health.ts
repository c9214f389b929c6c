/** Tells load balancers and containers whether the service answers and whether it can take work. */
import { VERSION } from '../base/version.ts';
import type { HealthView, ReadyView } from '../model/answers/health.ts';

export interface HealthDeps {
  /** Never rejects. */
  readiness: () => Promise<ReadyView>;
}

/** As long as its answer may be an earlier one. */
const RETRY_AFTER_SECONDS = 1;

/** GET /healthz: answers as long as the process does. */
export function health(): Response {
  const body: HealthView = { status: 'ok', version: VERSION };
  return Response.json(body);
}

/** GET /readyz: 200 if all checks pass, otherwise 503. */
export async function readiness(deps: HealthDeps): Promise<Response> {
  const body = await deps.readiness();
  if (body.status === 'ready') return Response.json(body);
  return Response.json(body, { status: 503, headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } });
}
