/** Says which speaker of the model speaks a line, in which language, or that none does. */
import { createHash } from 'node:crypto';
import type { Line } from '../../model/plan.ts';
import type { VoiceFolder } from './voice-folder.ts';

export interface ChosenSpeaker {
  /** The engine's number. */
  id: number;
  /** eSpeak's code of the language; undefined if the model has only one. */
  language: string | undefined;
}

interface KokoroLanguage {
  /** BCP 47, lower case. */
  tag: string;
  /** Of what is not Chinese, also in Chinese. */
  espeak: string;
}

/** By the first letter of a speaker's name. https://huggingface.co/hexgrad/Kokoro-82M/blob/main/VOICES.md */
const KOKORO: Readonly<Record<string, KokoroLanguage>> = {
  a: { tag: 'en-us', espeak: 'en-us' },
  // By the name of its file, as the engine finds no language by its code.
  b: { tag: 'en-gb', espeak: 'en' },
  e: { tag: 'es', espeak: 'es' },
  f: { tag: 'fr', espeak: 'fr' },
  h: { tag: 'hi', espeak: 'hi' },
  i: { tag: 'it', espeak: 'it' },
  j: { tag: 'ja', espeak: 'ja' },
  p: { tag: 'pt-br', espeak: 'pt-br' },
  z: { tag: 'zh', espeak: 'en-us' },
};
const LANGUAGE_NAMES = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
/** Other names of two letters with a known language are rarer than lines that ask for a language in this way. */
const LANGUAGE_CODE = /^[a-z]{2}(-[a-z0-9]{2,8})*$/;

/**
 * A name or number that the model has selects that speaker. Any other name selects one of the language's speakers, always the
 * same one for the same name, ignoring case and surrounding spaces. Undefined for a language that the model does not speak.
 */
export function chooseSpeaker(
  voice: VoiceFolder,
  line: Pick<Line, 'voice' | 'language'>,
): ChosenSpeaker | undefined {
  const wanted = line.voice.normalize('NFC').trim().toLowerCase();
  const named = namedSpeaker(voice, wanted);
  const tag = (line.language ?? (named === undefined ? languageCode(wanted) : undefined))?.toLowerCase();
  if (voice.isMultilingual) return chooseKokoro(voice, wanted, { named, tag });
  if (tag !== undefined && !speaks(voice, tag)) return undefined;
  return { id: named ?? placeOf(wanted, voice.speakerCount), language: undefined };
}

function namedSpeaker({ speakerNames, speakerCount }: VoiceFolder, wanted: string): number | undefined {
  const place = speakerNames.findIndex((name) => name.toLowerCase() === wanted);
  if (place !== -1) return place;
  return /^\d{1,5}$/.test(wanted) && Number(wanted) < speakerCount ? Number(wanted) : undefined;
}

function languageCode(wanted: string): string | undefined {
  return LANGUAGE_CODE.test(wanted) && LANGUAGE_NAMES.of(baseOf(wanted)) !== undefined ? wanted : undefined;
}

function chooseKokoro(
  { speakerNames, speakerCount }: VoiceFolder,
  wanted: string,
  { named, tag }: { named: number | undefined; tag: string | undefined },
): ChosenSpeaker | undefined {
  // A model that names nobody speaks English, as all of them do.
  const languageOf = (id: number) => KOKORO[speakerNames.length === 0 ? 'a' : (speakerNames[id]?.[0] ?? '')];
  if (named !== undefined && tag === undefined)
    return { id: named, language: languageOf(named)?.espeak ?? 'en-us' };
  const all = Array.from({ length: speakerCount }, (_, id) => ({ id, language: languageOf(id) }));
  const exact = all.filter(({ language }) => language?.tag === tag);
  const near = all.filter(
    ({ language }) => language !== undefined && baseOf(language.tag) === baseOf(tag ?? 'en'),
  );
  const able = exact.length > 0 ? exact : near;
  const chosen = able[placeOf(wanted, able.length)];
  if (chosen?.language === undefined) return undefined;
  return { id: named ?? chosen.id, language: chosen.language.espeak };
}

function speaks({ language, espeakVoice }: VoiceFolder, tag: string): boolean {
  const base = baseOf(tag);
  if (espeakVoice !== undefined && baseOf(espeakVoice) === base) return true;
  const name = /^[a-z]{2,3}$/.test(base) ? LANGUAGE_NAMES.of(base) : undefined;
  return name !== undefined && language.includes(name);
}

function placeOf(name: string, count: number): number {
  return count === 0 ? 0 : createHash('sha256').update(name).digest().readUInt32BE() % count;
}

/** "pt" of "pt-br". */
function baseOf(tag: string): string {
  return tag.split('-')[0] as string;
}
