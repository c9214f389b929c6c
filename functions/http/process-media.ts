import { randomInt } from 'node:crypto';
import { RequestError, TransientError } from '../base/errors.ts';
import { timeLimit } from '../base/time-limit.ts';
import { requestKey } from '../coordination/lease-keys.ts';
import { retryTransient } from '../coordination/retry-policy.ts';
import type { Prices } from '../model/cost.ts';
import { mostBurned } from '../model/estimate.ts';
import { makePlan } from '../model/make-plan.ts';
import { planNameMistakes } from '../model/name-checks.ts';
import { subFoldersOf } from '../model/names.ts';
import type { Plan } from '../model/plan.ts';
import { type Limits, readRequest, type ValidRequest } from '../model/request.ts';
import { uploadMentions } from '../model/semantic-checks.ts';
import type { Claim, OutputFolder } from '../model/task.ts';
import { invalidRequest } from '../model/validation.ts';
import type { OutputStore } from '../ports/outputs.ts';
import type { Speech } from '../ports/speech.ts';
import { type Burning, captionMistakes } from './caption-mistakes.ts';
import { type CreateTaskDeps, createTask, earlierAnswer } from './create-task.ts';
import { checkPaged, dryRunAnswer } from './dry-run.ts';
import { fingerprintOf } from './fingerprint.ts';
import { readJson } from './json-body.ts';
import { cursorOf } from './page.ts';
import { type UploadsDeps, uploadMistakes } from './uploads.ts';

export interface ProcessMediaDeps extends CreateTaskDeps, Burning, Pick<UploadsDeps, 'uploads'> {
  outputs: OutputStore;
  speech: Pick<Speech, 'notice' | 'timed'>;
  limits: Limits;
  /** For the estimate of a dry run. */
  prices: Prices;
}

const ESTIMATED =
  'The times of captions are estimated, because this voice does not say when it speaks which word: some may be off by half ' +
  'a second. With ElevenLabs they are exact.';
/** More than these take longer than most callers expect of captions. */
const MANY_ENCODES = 200;
/** A seed has 32 bits. */
const SEEDS = 2 ** 32;
/** How long a repeated request gets the first answer. */
const IDEMPOTENCY_KEY_TTL_MS = 24 * 3_600_000;
/** The caller waits for the folder. A try that begins late still has time to report why it failed. */
const FOLDER_RETRY_MS = 15_000;
const FOLDER_MS = 20_000;
/** Visible ASCII only, since other characters do not survive every HTTP client. 255 fit any scheme for keys. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * POST /process_media: validates the request, plans its videos, creates the output folder and the task.
 * POST /process_media?cursor=: a further page of a dry run.
 */
export async function processMedia(
  request: Request,
  query: URLSearchParams,
  deps: ProcessMediaDeps,
): Promise<Response> {
  const cursor = query.get('cursor');
  const from = cursorOf(cursor);
  const body = await readJson(request);
  const valid = readRequest(body, deps.limits);
  const unburnable = await captionMistakes(body as object, valid, deps);
  if (unburnable.length > 0) throw invalidRequest(unburnable);
  if (cursor !== null) checkPaged(valid);
  const claim = claimOf(request, valid);
  const plan = makePlan({ ...valid, seed: valid.seed ?? randomInt(SEEDS) });
  const mistakes = planNameMistakes({ name: valid.taskName, plan });
  if (mistakes.length > 0) throw invalidRequest(mistakes);
  const warnings = [
    ...valid.warnings,
    ...leftOverWarnings(valid, plan),
    ...speechWarnings(valid, deps),
    ...burnWarnings(plan),
  ];
  if (valid.dryRun) {
    await checkUploads(body, deps);
    return Response.json(dryRunAnswer(valid, plan, { warnings, prices: deps.prices, from }));
  }

  // Checked first: a repeated request gets its answer even if the folder is out of reach by now, or an upload is too old.
  const earlier = await earlierAnswer(request, claim, deps);
  if (earlier !== undefined) return earlier;
  await checkUploads(body, deps);
  const { taskName: name, metadata, callbackUrl: url } = valid;
  const callback = url === undefined ? null : { url, baseUrl: deps.baseUrl(request) };
  const folder = await folderFor(name, subFoldersOf(plan), deps.outputs);
  const draft = { name, plan, folder, metadata, warnings, retryOf: null, callback };
  return createTask(request, draft, claim, deps);
}

/** Throws RequestError naming every mention of an upload that cannot be used, and TransientError. */
async function checkUploads(body: unknown, { uploads, limits }: ProcessMediaDeps): Promise<void> {
  const mistakes = await uploadMistakes(uploadMentions(body, limits.sources), uploads);
  if (mistakes.length > 0) throw invalidRequest(mistakes);
}

/** Throws RequestError output_folder at once, where a retry cannot help, and TransientError after FOLDER_MS. */
async function folderFor(
  name: string,
  subFolders: readonly string[],
  outputs: OutputStore,
): Promise<OutputFolder> {
  using limit = timeLimit(FOLDER_MS, noFolder);
  const { signal } = limit;
  return await retryTransient(() => outputs.createFolder(name, signal, subFolders), {
    signal,
    forMs: FOLDER_RETRY_MS,
  });
}

function noFolder(): TransientError {
  return new TransientError(
    'output_busy',
    `Expected the output to make the task's folder within ${FOLDER_MS / 1000} s, got no answer.`,
  );
}

/** Throws RequestError if the Idempotency-Key is malformed. */
function claimOf(request: Request, valid: ValidRequest): Claim | undefined {
  const key = request.headers.get('idempotency-key');
  if (key === null) return undefined;
  if (!IDEMPOTENCY_KEY.test(key)) {
    const odd = key.search(/[^\x21-\x7e]/);
    const got = odd >= 0 ? `another kind of character at position ${odd + 1}` : `${key.length} characters`;
    const message = `Expected the header Idempotency-Key to be 1-255 visible ASCII characters, got ${got}. A UUID is a good key.`;
    throw new RequestError('invalid_request', 'The request has one mistake; nothing was started.', {
      mistakes: [{ pointer: '', code: 'invalid', message }],
    });
  }
  return { key: requestKey(key), fingerprint: fingerprintOf(valid), ttlMs: IDEMPOTENCY_KEY_TTL_MS };
}

/** Each combination of clips gets one track and one line: of more than there are combinations, the rest is left over. */
function leftOverWarnings({ tracks, lines, selection }: ValidRequest, { total }: Plan): string[] {
  const pools = [
    { what: 'tracks', count: tracks.length, isEach: selection?.tracks === 'each' },
    { what: 'lines', count: lines.length, isEach: selection?.lines === 'each' },
  ];
  const made = pools.reduce((rest, { count, isEach }) => (isEach ? rest / count : rest), total);
  return pools
    .filter(({ count, isEach }) => !isEach && count > made)
    .map(
      ({ what, count }) =>
        `Of ${count} ${what}, only as many are used as there are combinations of clips: ${made}.`,
    );
}

function speechWarnings({ lines, captions }: ValidRequest, { speech }: ProcessMediaDeps): string[] {
  if (lines.length === 0) return [];
  return [
    ...(speech.notice === null ? [] : [speech.notice]),
    ...(captions === undefined || speech.timed ? [] : [ESTIMATED]),
  ];
}

function burnWarnings(plan: Plan): string[] {
  const encodes = mostBurned(plan);
  if (encodes <= MANY_ENCODES) return [];
  return [
    `Burned captions may need clips to be encoded up to ${encodes} more times: once for each line that is heard over a clip, and ` +
      'for each place where it stands. Fewer lines or clips, or selection.lines "random", need fewer; captions of mode "srt" or ' +
      '"track" need none.',
  ];
}
