/** Makes the soundtrack of a combination: mixed, brought to its loudness, encoded, and measured as it is heard. */
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import type { RunFiles } from './cage.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { permanentFrom } from './ffmpeg-error.ts';
import { readEnvelope } from './limiter-loss.ts';
import { measureEncoded, readMeter, type SoundLevels } from './loudness.ts';
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

/** Ten clips with music and a voice take 120 MB. */
export const MIX_MEMORY_MB = 512;
/** Twice 192 kbit/s, for rounding, the index and excess of the coder. */
const SOUND_MB_PER_SECOND = 0.05;
/**
 * The mix is kept for the encoder up to this length, in 115 MB: in the cloud, files are in memory. A longer one is mixed
 * once more for each try.
 */
const KEPT_SECONDS = 300;
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
  const raw = seconds > keptSeconds ? undefined : join(dir, 'mixed.f32le');
  const run = async (args: readonly string[], files: RunFiles, fileMb: number) => {
    const limits = { timeoutMs, memoryMb: MIX_MEMORY_MB, fileMb: Math.ceil(fileMb) + 1 };
    return encoded(ffmpeg.run(args, { signal, ...limits, ...files, writes: dir }));
  };
  const parts = { reads: partsOf(input) };
  try {
    const rawMb = (input.total * MIXED_BYTES_PER_SAMPLE) / 2 ** 20;
    const mixed = readMeter(
      (await run(mixArguments(input, raw), parts, raw === undefined ? 0 : rawMb)).stderr,
    );
    const tries: Try[] = [];
    const fileOf = (number: number) => join(dir, `${number}.m4a`);
    const envelope = raw === undefined || target === null ? undefined : await readEnvelope(raw);
    let master = firstMaster(target, mixed, envelope);
    for (;;) {
      const file = fileOf(tries.length);
      await run(
        encodeArguments(input, master, file, raw),
        raw === undefined ? parts : {},
        seconds * SOUND_MB_PER_SECOND,
      );
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
