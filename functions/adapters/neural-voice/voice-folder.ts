/** Finds and checks the files of a voice, in the form in which sherpa-onnx publishes them. */
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { checkNumbers } from './model-numbers.ts';
import { readOnnxMetadata } from './onnx-metadata.ts';
import { DOWNLOAD, refused } from './refused-voice.ts';
import { checkTokens } from './tokens.ts';

/** How the engine runs the model. */
export type VoiceKind = 'vits' | 'kokoro' | 'kitten';

export interface VoiceFiles {
  model: string;
  tokens: string;
  /** Styles of the speakers; only of Kokoro and Kitten. */
  voices: string | undefined;
  lexicons: readonly string[];
  /** Folder of eSpeak's rules of pronunciation. */
  espeakData: string | undefined;
}

export interface VoiceFolder {
  dir: string;
  /** The folder's own name, which is that of the voice. */
  name: string;
  kind: VoiceKind;
  files: VoiceFiles;
  /** At least 1. */
  speakerCount: number;
  /** In the order of their numbers; empty if the model does not tell. */
  speakerNames: readonly string[];
  /** In English words, such as "German". */
  language: string;
  /** Code of eSpeak, such as "en-us"; undefined if the model does not tell. */
  espeakVoice: string | undefined;
  /** Whether the language is chosen for each line, as in Kokoro since 1.0. */
  isMultilingual: boolean;
}

/** What `model_type` says, and none for VITS from before it was written. */
const KINDS: Readonly<Record<string, VoiceKind>> = { vits: 'vits', kokoro: 'kokoro', 'kitten-tts': 'kitten' };
const REQUIRED = {
  vits: ['sample_rate', 'n_speakers', 'language', 'comment'],
  kokoro: ['sample_rate', 'n_speakers', 'style_dim'],
  kitten: ['sample_rate', 'n_speakers', 'style_dim'],
} as const satisfies Record<VoiceKind, readonly string[]>;
/** One for English; the one for British English would contradict it. */
const LEXICONS = ['lexicon.txt', 'lexicon-us-en.txt', 'lexicon-zh.txt'];
/** Such as "511,1,256". */
const STYLE_SIZES = /^\d{1,6}(,\d{1,6}){0,3}$/;
const FLOAT_BYTES = 4;

/** @throws {Error} that says what was expected of the folder, what is there, and what to do */
export function readVoiceFolder(dir: string): VoiceFolder {
  const names = namesIn(dir);
  const model = join(dir, onlyModel(dir, names));
  const metadata = readable(dir, model, () => readOnnxMetadata(model));
  if (metadata === undefined) {
    throw refused(dir, 'a whole ONNX model', `${basename(model)}, which is none or breaks off`, DOWNLOAD);
  }
  const kind = kindOf(dir, metadata);
  const missing = REQUIRED[kind].find((key) => !metadata.get(key));
  if (missing !== undefined) {
    const got = `${basename(model)}, which does not tell its ${missing}`;
    throw refused(dir, 'a model that was converted for sherpa-onnx', got, DOWNLOAD);
  }
  const speakerCount = checkNumbers(dir, metadata);
  const files = filesOf(dir, names, { model, kind });
  readable(dir, files.tokens, () => checkTokens(dir, files.tokens));
  if (files.voices !== undefined) checkStyles(dir, files.voices, metadata);
  return {
    dir,
    name: basename(dir),
    kind,
    files,
    speakerCount,
    speakerNames: metadata.get('speaker_names')?.split(',').slice(0, speakerCount) ?? [],
    language: metadata.get('language') ?? 'English',
    espeakVoice: metadata.get('voice')?.toLowerCase(),
    isMultilingual: kind === 'kokoro' && Number(metadata.get('version') ?? 1) >= 2,
  };
}

function namesIn(dir: string): string[] {
  return readable(dir, dir, () => readdirSync(dir));
}

function readable<T>(dir: string, path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Not of the system: it says itself what is wrong.
    if (code === undefined) throw error;
    const expected = path === dir ? 'a folder that this service can read' : `to read ${basename(path)}`;
    throw refused(dir, expected, code, 'set it to the folder of a voice, and let this user read it');
  }
}

function onlyModel(dir: string, names: readonly string[]): string {
  const models = names.filter((name) => name.endsWith('.onnx'));
  const [model] = models;
  if (model !== undefined && models.length === 1) return model;
  if (models.length > 1) {
    throw refused(dir, 'one model (*.onnx)', models.sort().join(', '), 'leave the one that is to speak');
  }
  const below = names.find((name) => holdsModel(join(dir, name)));
  const next = below === undefined ? DOWNLOAD : `set OFFLINE_VOICE to ${join(dir, below)}`;
  throw refused(dir, 'a model (*.onnx)', 'a folder without one', next);
}

function holdsModel(path: string): boolean {
  try {
    return readdirSync(path).some((name) => name.endsWith('.onnx'));
  } catch {
    return false;
  }
}

function kindOf(dir: string, metadata: ReadonlyMap<string, string>): VoiceKind {
  const type = metadata.get('model_type') ?? 'vits';
  const kind = KINDS[type];
  if (kind !== undefined) return kind;
  throw refused(dir, 'a model of VITS (Piper), Kokoro or Kitten', `one of ${type}`, 'choose another voice');
}

function filesOf(
  dir: string,
  names: readonly string[],
  { model, kind }: { model: string; kind: VoiceKind },
): VoiceFiles {
  const optional = (name: string) =>
    names.includes(name) && isFull(join(dir, name)) ? join(dir, name) : undefined;
  const needed = (name: string): string => {
    const path = optional(name);
    if (path !== undefined) return path;
    const got = names.includes(name) ? 'an empty one' : 'none';
    throw refused(dir, `a file ${name}`, got, DOWNLOAD);
  };
  const lexicons = LEXICONS.map(optional).filter((path) => path !== undefined);
  const files = {
    model,
    tokens: needed('tokens.txt'),
    voices: kind === 'vits' ? undefined : needed('voices.bin'),
    lexicons,
    espeakData: names.includes('espeak-ng-data') ? join(dir, 'espeak-ng-data') : undefined,
  };
  const { espeakData } = files;
  if (espeakData !== undefined && !isFull(join(espeakData, 'phontab'))) {
    throw refused(dir, 'a file espeak-ng-data/phontab', 'none', DOWNLOAD);
  }
  if (espeakData === undefined && (kind !== 'vits' || lexicons.length === 0)) {
    const either = kind === 'vits' ? ', or a file lexicon.txt' : '';
    throw refused(dir, `a folder espeak-ng-data${either}`, 'none', DOWNLOAD);
  }
  return files;
}

/** A download that broke off, or voices of another model. The engine would end with it. */
function checkStyles(dir: string, path: string, metadata: ReadonlyMap<string, string>): void {
  const styles = metadata.get('style_dim') ?? '';
  if (!STYLE_SIZES.test(styles)) {
    const expected = 'a model with a style_dim of whole numbers';
    throw refused(dir, expected, JSON.stringify(styles.slice(0, 40)), DOWNLOAD);
  }
  const sizes = [metadata.get('n_speakers') ?? '', ...styles.split(',')];
  const expected = sizes.reduce((product, size) => product * Number(size), FLOAT_BYTES);
  const { size } = statSync(path);
  if (size === expected) return;
  throw refused(dir, `voices.bin of ${expected} bytes, as the model says`, `one of ${size}`, DOWNLOAD);
}

function isFull(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}
