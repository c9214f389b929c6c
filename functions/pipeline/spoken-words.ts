/** The words of prepared lines, with their times. */
import { readFile, stat } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import { heardIn } from '../media/captions/heard.ts';
import { type CaptionWords, wordsOf } from '../media/captions/words.ts';
import { readEnvelope } from '../media/sound-envelope.ts';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import type { Line } from '../model/plan.ts';
import type { Spoken } from '../model/speech.ts';
import { fileIn, forged, type PreparedArtifact } from './check-prepared.ts';
import { SOUND } from './source-artifact.ts';
import { TIMING } from './speak-line.ts';

/**
 * Reads them from the artifact of the line. Their text is that of the line alone: `prepare`, which opens files of strangers,
 * says no more than numbers. Throws PermanentError 'mix_failed' unless the artifact has a timing of this service.
 */
export type SpokenWords = (artifact: PreparedArtifact, line: Line) => Promise<CaptionWords>;

/** All videos of a task speak a few lines. */
const KEPT = 200;
/** As long as requests and the answers of voices for them can make it. */
const LARGEST_BYTES = 4 * 2 ** 20;
const MOST_WORDS = 20_000;

/** Remembers the words of the last lines. */
export function createSpokenWords(): SpokenWords {
  const kept = new LRUCache<string, CaptionWords>({ max: KEPT });
  return async (artifact, line) => {
    const key = JSON.stringify([artifact.key, line.text, line.language]);
    const known = kept.get(key);
    if (known !== undefined) return known;
    const found = await read(artifact, line);
    kept.set(key, found);
    return found;
  };
}

async function read(artifact: PreparedArtifact, { text, language }: Line): Promise<CaptionWords> {
  const { samples } = artifact.meta;
  const timing = await timingIn(artifact);
  const heard = timing === null ? heardIn(await readEnvelope(artifact.path(SOUND), samples)) : undefined;
  return wordsOf({
    ...{ text, timing, seconds: samples / SAMPLE_RATE },
    ...(language === undefined ? {} : { language }),
    ...(heard === undefined ? {} : { heard }),
  });
}

async function timingIn(artifact: PreparedArtifact): Promise<Spoken['timing']> {
  const file = fileIn(artifact, TIMING, 'line');
  const { size } = await stat(file);
  const read = size > LARGEST_BYTES ? undefined : parsed(await readFile(file, 'utf8'));
  if (read === null) return null;
  if (Array.isArray(read) && read.length <= MOST_WORDS && read.every(isTimed)) return read;
  throw forged('line', 'the times of its words', 'something else');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isTimed(word: unknown): word is NonNullable<Spoken['timing']>[number] {
  if (typeof word !== 'object' || word === null) return false;
  const { text, start, end } = word as Record<string, unknown>;
  return typeof text === 'string' && Number.isFinite(start) && Number.isFinite(end);
}
