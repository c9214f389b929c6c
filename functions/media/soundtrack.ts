/** Makes the soundtrack of a combination: mixed, brought to its loudness, encoded, and measured as it is heard. */
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import type { RunFiles } from './cage.ts';
import type { Ffmpeg, RunResult } from './ffmpeg.ts';
import { permanentFrom } from './ffmpeg-error.ts';
import { type Envelope, readEnvelope } from './limiter-loss.ts';
import { measureEncoded, readLoudness, readMeter, type SoundLevels } from './loudness.ts';
import { bestTry, firstMaster, loudnessWarnings, nextMaster, type Try } from './loudness-target.ts';
import { encodeArguments, MIXED_BYTES_PER_SAMPLE, type MixInput, mixArguments } from './mix.ts';

export interface SoundtrackRequest extends MixInput {
  /** What the whole is brought to, LUFS; null: parts at their own levels. */
  loudness: number | null;
  /** Path of the file to make: AAC in MP4, with the encoder's priming and an edit list that hides it. */
  out: string;
  signal: AbortSignal;
  /** The longest that one run of ffmpeg may take. */
  timeoutMs: number;
}

/** What the encoded sound has. */
export interface Soundtrack extends SoundLevels {
  warnings: string[];
}

/** Ten clips with music and a voice take 46 MB. */
export const MIX_MEMORY_MB = 512;
/** Twice 192 kbit/s, for rounding, the index and excess of the coder. */
const SOUND_MB_PER_SECOND = 0.05;
/**
 * The mix is kept for the encoder up to this length, in 74 MB: in the cloud, files are in memory, and with what ffmpeg takes,
 * this is what MB_PER_MIX in base/machine.ts counts. A longer one is mixed once more for each try.
 */
const KEPT_SECONDS = 200;
/** Each costs about as much as mixing did. Most sounds need one, and the others hardly gain by more. */
const MOST_TRIES = 4;

/**
 * Makes the soundtrack. Throws PermanentError 'mix_failed' if its parts cannot be mixed.
 * @param keptSeconds see KEPT_SECONDS
 */
export async function makeSoundtrack(
  ffmpeg: Ffmpeg,
  { loudness: target, out, signal, timeoutMs, ...input }: SoundtrackRequest,
  keptSeconds: number = KEPT_SECONDS,
): Promise<Soundtrack> {
  const seconds = input.total / SAMPLE_RATE;
  const dir = await mkdtemp(join(dirname(out), 'sound-'));
  // Parts at their own levels are encoded as they are mixed.
  const raw = target === null || seconds > keptSeconds ? undefined : join(dir, 'mixed.f32le');
  const run = async (args: readonly string[], files: RunFiles, fileMb: number) => {
    const limits = { timeoutMs, memoryMb: MIX_MEMORY_MB, fileMb: Math.ceil(fileMb) + 1 };
    return encoded(ffmpeg.run(args, { signal, ...limits, writes: dir, ...files }));
  };
  const parts = { reads: partsOf(input) };
  const rawMb = raw === undefined ? 0 : (input.total * MIXED_BYTES_PER_SAMPLE) / 2 ** 20;
  try {
    if (parts.reads.length === 0) {
      const silence = encodeArguments(input, firstMaster(null, UNKNOWN.mixed), out);
      await run(silence, { writes: dirname(out) }, seconds * SOUND_MB_PER_SECOND);
      return { loudness: null, truePeak: null, warnings: [] };
    }
    const { mixed, envelope } =
      target === null ? UNKNOWN : await levelsOf(raw, await run(mixArguments(input, raw), parts, rawMb));
    const tries: Try[] = [];
    const fileOf = (number: number) => join(dir, `${number}.m4a`);
    let master = firstMaster(target, mixed, envelope);
    for (;;) {
      const file = fileOf(tries.length);
      const args = encodeArguments(input, master, file, raw);
      await run(args, raw === undefined ? parts : {}, seconds * SOUND_MB_PER_SECOND);
      tries.push({ master, levels: await encoded(measureEncoded(ffmpeg, file, { signal, timeoutMs })) });
      const next = tries.length === MOST_TRIES ? undefined : nextMaster(target, mixed, tries);
      if (next === undefined) break;
      master = next;
    }
    const best = bestTry(target, tries);
    await rename(fileOf(best), out);
    const used = tries[best] as Try;
    return { ...used.levels, warnings: loudnessWarnings(target, used) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

interface Mixed {
  mixed: SoundLevels;
  envelope?: Envelope;
}

const UNKNOWN: Mixed = { mixed: { loudness: null, truePeak: null } };

/** Of the sum of all parts. Its highest sample is in the envelope, if there is one: the meter takes longer to find it. */
async function levelsOf(raw: string | undefined, { stderr }: RunResult): Promise<Mixed> {
  if (raw === undefined) return { mixed: readMeter(stderr) };
  const envelope = await readEnvelope(raw);
  const peak = envelope.peaks.reduce((highest, next) => Math.max(highest, next), 0);
  return {
    mixed: { loudness: readLoudness(stderr), truePeak: peak === 0 ? null : 20 * Math.log10(peak) },
    envelope,
  };
}

function partsOf({ own, music, voice }: MixInput): string[] {
  return [...own, ...[music, voice].flatMap((sound) => (sound === undefined ? [] : [sound.file]))];
}

async function encoded<T>(run: Promise<T>): Promise<T> {
  return run.catch((error: unknown) => {
    throw permanentFrom(error, 'mix_failed', 'mix', {
      expected: 'clips and sounds that can be mixed',
      next: 'Retry the task.',
    });
  });
}
