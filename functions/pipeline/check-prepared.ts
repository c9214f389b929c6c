/**
 * Checks what `prepare` left for the renders. It opens files of strangers: if it was taken over, its pins and artifacts
 * may be anything. A false picture cannot be noticed, but nothing else may follow from it.
 */
import { CODES } from '../base/codes.ts';
import { type Failure, PermanentError, type Stage } from '../base/errors.ts';
import { checkClip, checkSound } from '../media/check-clip.ts';
import { checkEncodedSound } from '../media/check-soundtrack.ts';
import type { Picture } from '../media/mp4/tracks.ts';
import { chooseProfile } from '../media/profile.ts';
import type { Soundtrack } from '../media/soundtrack.ts';
import { STANDARD_RATES } from '../model/frame-rate.ts';
import { type Failed, HARDWARE_NAMES, type Join, type Prepared, type Profile } from '../model/pins.ts';
import type { Plan, Source, WantedOutput } from '../model/plan.ts';
import type { Probe } from '../model/probe.ts';
import type { Task } from '../model/task.ts';
import type { Artifact } from '../ports/artifacts.ts';
import { SOUND, VIDEO } from './source-artifact.ts';

/** Name of the file within a soundtrack's artifact. */
export const SOUNDTRACK = 'soundtrack.m4a';

/** What is known of a prepared source without its files. */
export type PreparedFacts = Pick<Prepared, 'frames' | 'samples' | 'loudness' | 'warnings'>;
export type PreparedArtifact = Artifact<PreparedFacts>;

const HASH = /^[0-9a-f]{64}$/;
/** Messages of ours are shorter. They are shown in answers and in the manifest. */
const LONGEST_MESSAGE = 4_000;
/** Ours has at most two. */
const MOST_WARNINGS = 8;
const STAGES: readonly Stage[] = [
  'download',
  'probe',
  'conform',
  'measure',
  'speak',
  'mix',
  'save',
  'deliver',
];
/** Beyond what any meter shows, LUFS or dBTP. */
const LOUDEST = 200;
/** No side that H.264 level 5.2 carries is longer. */
const LONGEST_SIDE = 16_384;

/**
 * The pin, or a failure in its place if it is none that `prepare` writes for a source of that kind.
 * @param formats of the task
 */
export function checkedPin(pin: Prepared | Failed, { kind }: Source, formats = 1): Prepared | Failed {
  if (pin.error !== undefined) {
    if (isFailure(pin.error)) return pin;
    return { error: forged(kind, 'a failure of this service', 'another object').failure };
  }
  const others: unknown = pin.formats ?? [];
  if (!Array.isArray(others) || others.length !== (kind === 'clip' ? formats - 1 : 0)) {
    return {
      error: forged(kind, `an artifact for each of ${formats} formats`, JSON.stringify(others ?? null))
        .failure,
    };
  }
  const all: unknown[] = [pin.artifact, ...others.map((other) => other?.artifact)];
  const odd = all.findIndex((key) => !isKeyOf(kind, key));
  if (odd < 0) return pin;
  return { error: forged(kind, `an artifact of kind ${kind}`, JSON.stringify(all[odd] ?? null)).failure };
}

function isKeyOf(kind: Source['kind'], key: unknown): boolean {
  const [own, hash = ''] = String(key).split('/', 2);
  return own === kind && HASH.test(hash) && key === `${kind}/${hash}`;
}

/** How many formats the videos of a plan have. */
export function formatsOf({ formats = [] }: Pick<Plan, 'formats'>): number {
  return Math.max(1, formats.length);
}

/** The pin of a source of the task, checked. Throws the failure that it holds as PermanentError. */
export function usablePin({ plan }: Task, number: number, pin: Prepared | Failed): Prepared {
  const checked = checkedPin(pin, plan.sources[number] as Source, formatsOf(plan));
  if (checked.error === undefined) return checked;
  const { code, stage, message } = checked.error;
  throw new PermanentError(code, stage, message);
}

/** Undefined if the pinned profile is not one that the plan may lead to. */
export function checkedProfile(pin: Profile | undefined, wanted: WantedOutput): Profile | undefined {
  if (pin === undefined) return undefined;
  const { encoder, ...chosen } = pin;
  const { width, height, rate } = chosen;
  if (encoder !== undefined && !HARDWARE_NAMES.includes(encoder)) return undefined;
  if (![width, height].every((side) => Number.isInteger(side) && side > 0 && side <= LONGEST_SIDE))
    return undefined;
  const known = STANDARD_RATES.find(({ num, den }) => num === rate?.num && den === rate.den);
  if (known === undefined) return undefined;
  // A clip of this size and rate may have been the first. Then the plan must lead to exactly this profile.
  const first = { video: { width, height, rate: known, still: false } } as Probe;
  const expected = chooseProfile(wanted, { any: first, moving: first });
  const isSame = JSON.stringify(sorted(expected)) === JSON.stringify(sorted(chosen));
  if (!isSame) return undefined;
  return encoder === undefined ? expected : { ...expected, encoder };
}

/** Undefined if the pin is none that `prepare` writes. It is shown in answers and in the manifest. */
export function checkedJoin(pin: Join | undefined, { plan }: Pick<Task, 'plan'>): Join | undefined {
  if (pin == null || plan.sources[pin.by]?.kind !== 'clip') return undefined;
  const { by } = pin;
  if (pin.video === 'copied') {
    const formats = checkedFormats(pin.formats, plan);
    if (!HASH.test(String(pin.header)) || formats === undefined) return undefined;
    return { video: pin.video, header: pin.header, by, ...(plan.formats && { formats }) };
  }
  const { video, reason } = pin;
  const isReason = reason === null || (typeof reason === 'string' && reason.length <= LONGEST_MESSAGE);
  return video === 'encoded' && isReason ? { video, reason, by } : undefined;
}

/** Numbers of formats, each once and in order; empty if the plan has only one. Undefined if they are none that it has. */
function checkedFormats(formats: unknown, plan: Pick<Plan, 'formats'>): number[] | undefined {
  if (plan.formats === undefined) return [];
  if (!Array.isArray(formats) || formats.length === 0) return undefined;
  const known = [...plan.formats.keys()].filter((format) => formats.includes(format));
  return known.length === formats.length ? known : undefined;
}

/**
 * Throws PermanentError 'mix_failed' unless the artifact is what `prepare` makes of such a source.
 * @returns the picture of a clip
 */
export async function checkArtifact(
  artifact: PreparedArtifact,
  kind: Source['kind'],
  profile: Profile | undefined,
): Promise<Picture | undefined> {
  checkFacts(artifact.meta, kind);
  const { frames, samples } = artifact.meta;
  try {
    if (kind !== 'clip') {
      await checkSound(artifact.path(SOUND), samples);
      return undefined;
    }
    if (profile === undefined) throw new Error('Expected a profile that the plan leads to, got another one');
    if (frames < 1) throw new Error(`Expected at least one frame, got ${frames}`);
    const [video, sound] = [artifact.path(VIDEO), artifact.path(SOUND)];
    return await checkClip({ video, sound, frames, samples }, profile);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw forged(kind, 'the files of this service', `others (${reason})`, cause);
  }
}

/** Throws PermanentError 'mix_failed' unless these are facts of such a source, in its artifact or in its pin. */
export function checkFacts(facts: PreparedFacts, kind: Source['kind']): void {
  const { frames, samples, loudness, warnings } = facts;
  if (![frames, samples].every(Number.isSafeInteger) || samples < 1 || !isLevel(loudness)) {
    throw forged(
      kind,
      'a length and a loudness',
      JSON.stringify({ frames, samples, loudness }).slice(0, 200),
    );
  }
  if (!areWarnings(warnings)) {
    throw forged(kind, `at most ${MOST_WARNINGS} remarks`, JSON.stringify({ warnings }).slice(0, 200));
  }
}

/** Throws an Error unless the artifact is a soundtrack of that many samples, as `makeSoundtrack` makes it. */
export async function checkSoundtrack(artifact: Artifact<Soundtrack>, total: number): Promise<void> {
  const { loudness, truePeak, warnings } = artifact.meta;
  if (![loudness, truePeak].every(isLevel)) {
    throw new Error(`Expected levels, got ${JSON.stringify({ loudness, truePeak }).slice(0, 200)}`);
  }
  if (!areWarnings(warnings)) throw new Error(`Expected at most ${MOST_WARNINGS} remarks`);
  await checkEncodedSound(artifact.path(SOUNDTRACK), total);
}

function isLevel(level: unknown): boolean {
  return level === null || (typeof level === 'number' && Math.abs(level) <= LOUDEST);
}

/** What `prepare` never writes. */
export function forged(kind: string, expected: string, got: string, cause?: unknown): PermanentError {
  const message =
    `Expected a prepared ${kind} with ${expected}, got ${got.slice(0, 300)}. ` +
    'Next step: find out who wrote it (infra/OPERATIONS.md, "If prepare was taken over"), then retry the task.';
  return new PermanentError('mix_failed', 'mix', message, { cause });
}

/** Path of a file of a prepared source. Throws PermanentError 'mix_failed' if there is none of that name. */
export function fileIn(artifact: Artifact<unknown>, name: string, kind: string): string {
  try {
    return artifact.path(name);
  } catch (cause) {
    throw forged(kind, `the file ${name}`, 'others', cause);
  }
}

function areWarnings(warnings: unknown): boolean {
  if (!Array.isArray(warnings) || warnings.length > MOST_WARNINGS) return false;
  return warnings.every((text) => typeof text === 'string' && text.length <= LONGEST_MESSAGE);
}

export function isFailure(error: Partial<Failure> | null): boolean {
  if (error === null) return false;
  const { code, stage, message } = error;
  const isKnown = code !== undefined && Object.hasOwn(CODES, code) && CODES[code].kind === 'permanent';
  return (
    isKnown &&
    STAGES.some((known) => known === stage) &&
    typeof message === 'string' &&
    message.length <= LONGEST_MESSAGE
  );
}

function sorted(profile: Profile): unknown[] {
  const { width, height, rate, fit, background } = profile;
  return [Object.keys(profile).length, width, height, rate.num, rate.den, fit, background];
}
