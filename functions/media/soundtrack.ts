/** Makes the soundtrack of a combination: mixed, brought to its loudness, encoded, and measured as it is heard. */
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PermanentError } from '../base/errors.ts';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { permanentFrom } from './ffmpeg-error.ts';
import { encodedLevelArguments, readMeter, type SoundLevels } from './loudness.ts';
import { bestTry, firstMaster, loudnessWarnings, nextMaster, type Try } from './loudness-target.ts';
import { mixArguments } from './mix.ts';
import { estimateMix } from './mix-estimate.ts';
import type { MixInput } from './mix-levels.ts';
import { type Envelope, type ReadEnvelope, readEnvelope } from './sound-envelope.ts';

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
/** Each costs as much as the first one. Most sounds need one, and the others hardly gain by more. */
const MOST_TRIES = 4;
const EXPECTED = 'clips and sounds that can be mixed';
const NEXT = 'Retry the task.';

/** Makes the soundtrack. Throws PermanentError 'mix_failed' if its parts cannot be mixed. */
export async function makeSoundtrack(
  ffmpeg: Ffmpeg,
  { loudness: target, out, signal, timeoutMs, ...input }: SoundtrackRequest,
  read: ReadEnvelope = readEnvelope,
): Promise<Soundtrack> {
  const dir = await mkdtemp(join(dirname(out), 'sound-'));
  const reads = filesOf(input);
  const fileMb = Math.ceil((input.total / SAMPLE_RATE) * SOUND_MB_PER_SECOND) + 1;
  const limits = { signal, timeoutMs, memoryMb: MIX_MEMORY_MB, fileMb, writes: dir, reads };
  const tries: Try[] = [];
  const fileOf = (number: number) => join(dir, `${number}.m4a`);
  try {
    const mixed = target === null || reads.length === 0 ? undefined : await found(estimated(input, read));
    let master = firstMaster(target, mixed);
    for (;;) {
      const file = fileOf(tries.length);
      const args = mixArguments(input, master, file);
      if (reads.length === 0) {
        await encoded(ffmpeg.run(args, limits));
        await rename(file, out);
        return { loudness: null, truePeak: null, warnings: [] };
      }
      const { stderr } = await encoded(
        ffmpeg.run(args, { ...limits, followedBy: encodedLevelArguments(file) }),
      );
      tries.push({ master, levels: readMeter(stderr) });
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

async function estimated(input: MixInput, read: ReadEnvelope): Promise<Envelope> {
  const { total, own, music, voice } = input;
  return estimateMix(input, {
    own: await Promise.all(own.map((file) => read(file, total))),
    ...(music === undefined ? {} : { music: await read(music.file, Math.min(music.samples, total)) }),
    ...(voice === undefined ? {} : { voice: await read(voice.file, Math.min(voice.samples, total)) }),
  });
}

function filesOf({ own, music, voice }: MixInput): string[] {
  return [...own, ...[music, voice].flatMap((sound) => (sound === undefined ? [] : [sound.file]))];
}

async function found<T>(reading: Promise<T>): Promise<T> {
  return reading.catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new PermanentError('mix_failed', 'mix', `Expected ${EXPECTED}, got one that is gone. ${NEXT}`, {
      cause,
    });
  });
}

async function encoded<T>(run: Promise<T>): Promise<T> {
  return run.catch((error: unknown) => {
    throw permanentFrom(error, 'mix_failed', 'mix', { expected: EXPECTED, next: NEXT });
  });
}
