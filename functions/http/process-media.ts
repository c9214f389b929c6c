import { createHash, randomInt } from 'node:crypto';
import { RequestError } from '../base/errors.ts';
import { requestKey } from '../coordination/lease-keys.ts';
import { makePlan, type Plan } from '../model/plan.ts';
import { type Limits, readRequest, type ValidRequest } from '../model/request.ts';
import type { Claim } from '../model/task.ts';
import { choicesOf } from '../pipeline/render-view.ts';
import type { OutputStore, Speech } from '../ports.ts';
import { type AcceptDeps, accept, answeredBefore } from './create-task.ts';
import { readJson } from './json-body.ts';

export interface ProcessMediaDeps extends AcceptDeps {
  outputs: OutputStore;
  speech: Pick<Speech, 'notice'>;
  limits: Limits;
}

/** crypto.randomInt takes ranges below 2^48; a seed has 32 bits. */
const SEEDS = 2 ** 32;
/** How long a repetition gets the first answer. */
const IDEMPOTENCY_KEY_TTL_MS = 24 * 3_600_000;
/** Visible ASCII, as headers carry it; long enough for any scheme of a caller's. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** POST /process_media: checks, plans, makes the folder, stores the task, publishes its messages. */
export async function processMedia(request: Request, deps: ProcessMediaDeps): Promise<Response> {
  const body = await readJson(request);
  const valid = readRequest(body, deps.limits);
  const claim = claimOf(request, body);
  const plan = makePlan({ ...valid, seed: valid.seed ?? randomInt(SEEDS) });
  const warnings = [...valid.warnings, ...speechWarnings(valid, deps)];
  if (valid.dryRun) return Response.json(planned(valid, plan, warnings));

  // Before the folder: what was accepted once is answered whatever became of the folder since.
  const earlier = await answeredBefore(request, claim, deps);
  if (earlier !== undefined) return earlier;
  const { taskName: name, metadata } = valid;
  const folder = await deps.outputs.createFolder(name);
  return accept(request, { name, plan, folder, metadata, warnings, retryOf: null }, claim, deps);
}

/** Throws RequestError where the key is not one. */
function claimOf(request: Request, body: unknown): Claim | undefined {
  const key = request.headers.get('idempotency-key');
  if (key === null) return undefined;
  if (!IDEMPOTENCY_KEY.test(key)) {
    const odd = key.search(/[^\x21-\x7e]/);
    const got = odd >= 0 ? `another character at position ${odd + 1}` : `${key.length} characters`;
    const message = `Expected the header Idempotency-Key to be 1-255 visible ASCII characters, got ${got}. A UUID is a good key.`;
    throw new RequestError('invalid_request', 'The request has one mistake; nothing was started.', {
      mistakes: [{ pointer: '', message }],
    });
  }
  const fingerprint = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  return { key: requestKey(key), fingerprint, ttlMs: IDEMPOTENCY_KEY_TTL_MS };
}

function planned({ taskName }: ValidRequest, plan: Plan, warnings: string[]) {
  return {
    dry_run: true,
    task_name: taskName,
    combinations: plan.total,
    seed: plan.seed,
    warnings,
    renders: plan.combinations.map((combination) => choicesOf({ plan }, combination)),
  };
}

function speechWarnings({ lines }: ValidRequest, { speech }: ProcessMediaDeps): string[] {
  return lines.length > 0 && speech.notice !== null ? [speech.notice] : [];
}
