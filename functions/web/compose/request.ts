/** Makes the request of a draft: only the fields that differ from what the service does anyway. Pure. */
import type { ProcessMediaRequest } from '../../model/request-schema.ts';
import {
  type Block,
  type CaptionChoices,
  type Clip,
  type Draft,
  type Line,
  NO_CAPTIONS,
  type Rule,
} from './draft.ts';

export interface RequestOptions {
  /** For lines that name no voice. */
  voice: string;
  /** For a plan only: files need not have been sent, and plans stay the same while they are. */
  isTrial: boolean;
}

/** What stands for a file that has no address yet. No host can be called that. */
const PENDING = ['https:', '', 'pending.invalid', ''].join('/');
/** Characters of names that the service takes. */
const MOST = 200;
/** Of a file, which is no part of what a video is called. */
const MEDIA_END =
  /\.(mp4|mov|m4v|webm|mkv|avi|mpe?g|mts|m2ts|gif|png|jpe?g|webp|heic|mp3|wav|m4a|aac|flac|ogg|opus)$/i;
const HAS_LETTER = /[\p{L}\p{N}]/u;

/** A block with at least one clip, as the request has it. */
export interface UsedBlock {
  block: Block;
  /** Not empty, and no other block has it. */
  name: string;
}

/** Numbers of clips, by names of blocks. */
export type PlacedRule = Record<string, number>;

type Captions = NonNullable<ProcessMediaRequest['captions']>;
type Entry =
  | string
  | { url: string; name?: string; start_seconds?: number; end_seconds?: number; volume?: number };

/** Throws Error if a file was not sent, unless it is a trial. A draft without any clip makes a request that is refused. */
export function requestOf(draft: Draft, options: RequestOptions): ProcessMediaRequest {
  const blocks = usedBlocks(draft);
  const entry = (clip: Clip) => entryOf(clip, options.isTrial);
  const lines = spokenLines(draft);
  const output = outputOf(draft);
  const audio = {
    ...(draft.originalVolume !== 0 && { original_volume: draft.originalVolume }),
    ...(draft.musicDb !== 0 && { music_db: draft.musicDb }),
  };
  const selection = {
    ...(draft.tracks.length > 0 && draft.tracksMode === 'each' && { tracks: 'each' as const }),
    ...(lines.length > 0 && draft.linesMode === 'each' && { lines: 'each' as const }),
  };
  const rulesOf = (kind: Rule['kind']) => sentRules(draft, kind).map(({ placed }) => placed);
  const [include, exclude] = [rulesOf('include'), rulesOf('exclude')];
  return {
    task_name: nameOf(draft),
    video_blocks: blocks.map(({ block, name }) => ({ name, urls: block.clips.map(entry) })),
    ...(draft.tracks.length > 0 && { audio_blocks: [{ name: 'music', urls: draft.tracks.map(entry) }] }),
    ...(lines.length > 0 && {
      text_to_speech: lines.map(({ text, voice, speed, language, group }) => ({
        text: text.trim(),
        voice: voice.trim() || options.voice,
        ...(speed !== null && { speed }),
        ...(language.trim() !== '' && { language: language.trim() }),
        ...(group.trim() !== '' && { group: group.trim() }),
      })),
    }),
    ...(Object.keys(output).length > 0 && { output }),
    ...(Object.keys(audio).length > 0 && { audio }),
    // Captions show what is spoken.
    ...(lines.length > 0 && draft.captions.mode !== 'none' && { captions: captionsOf(draft.captions) }),
    ...(draft.cover && { cover: {} }),
    ...(Object.keys(selection).length > 0 && { selection }),
    ...(draft.limit !== null && { limit: draft.limit }),
    ...(include.length > 0 && { include }),
    ...(exclude.length > 0 && { exclude }),
    ...(draft.targets.length > 0 && {
      targets: [...draft.targets] as ProcessMediaRequest['targets'] & object,
    }),
    seed: draft.seed,
  };
}

/** What the task is called. */
export function nameOf({ name, begun }: Pick<Draft, 'name' | 'begun'>): string {
  return name.trim().slice(0, MOST).trim() || `My ads ${begun}`;
}

/** In order, with the names that rules and file names call them by. */
export function usedBlocks({ blocks }: Pick<Draft, 'blocks'>): UsedBlock[] {
  const taken = new Set<string>();
  return blocks
    .filter(({ clips }) => clips.length > 0)
    .map((block, at) => {
      const wanted =
        block.name
          .trim()
          .slice(0, MOST - 10)
          .trim() || `Block ${at + 1}`;
      let name = wanted;
      for (let number = 2; taken.has(name); number += 1) name = `${wanted} ${number}`;
      taken.add(name);
      return { block, name };
    });
}

/** Those with something to say. */
export function spokenLines({ lines }: Pick<Draft, 'lines'>): Line[] {
  return lines.filter(({ text }) => text.trim() !== '');
}

/** The rules of a kind that are sent, in order. */
export function sentRules(
  draft: Pick<Draft, 'rules' | 'blocks'>,
  kind: Rule['kind'],
): { rule: Rule; placed: PlacedRule }[] {
  const blocks = usedBlocks(draft);
  return draft.rules.flatMap((rule) => {
    const placed = rule.kind === kind ? placedRule(rule, blocks) : undefined;
    return placed === undefined ? [] : [{ rule, placed }];
  });
}

/** By numbers, as several clips may have one name. Undefined for a rule that says nothing, or names what is gone. */
export function placedRule(rule: Rule, blocks: readonly UsedBlock[]): PlacedRule | undefined {
  const named = Object.entries(rule.clips).filter(([, clip]) => clip !== '');
  const placed = named.flatMap(([key, clipKey]) => {
    const used = blocks.find(({ block }) => block.key === key);
    const place = used?.block.clips.findIndex((clip) => clip.key === clipKey) ?? -1;
    return used === undefined || place < 0 ? [] : [[used.name, place + 1] as const];
  });
  return placed.length > 0 && placed.length === named.length ? Object.fromEntries(placed) : undefined;
}

/** What the service says of a trial, without the addresses that stand for files. */
export function withoutPending(text: string): string {
  return text
    .replaceAll(new RegExp(`${PENDING}\\d+/([^\\s"',;]*)`, 'g'), (_, name: string) => decoded(name))
    .replaceAll(PENDING, '');
}

function entryOf(clip: Clip, isTrial: boolean): Entry {
  const url = urlOf(clip, isTrial);
  const name = clip.name.trim().replace(MEDIA_END, '').slice(0, MOST);
  const details = {
    ...(HAS_LETTER.test(name) && !isOwnName(url, name) && { name }),
    ...(clip.startSeconds !== null && clip.startSeconds > 0 && { start_seconds: inMs(clip.startSeconds) }),
    ...(clip.endSeconds !== null && { end_seconds: inMs(clip.endSeconds) }),
    ...(clip.volume !== null && { volume: clip.volume }),
  };
  return Object.keys(details).length === 0 ? url : { url, ...details };
}

function urlOf({ name, source }: Clip, isTrial: boolean): string {
  if (source.kind === 'link') return source.url.trim();
  // The same file in two places is one upload.
  if (isTrial) return `${PENDING}${source.bytes}/${encodeURIComponent(source.file?.name ?? name)}`;
  if (source.upload.state === 'done') return source.upload.url;
  throw new Error(
    `Expected ${name} to have been sent to the service, got a file that was not. Wait for it, or remove it.`,
  );
}

/** Whether the service would call it that anyway. */
function isOwnName(url: string, name: string): boolean {
  const file = decoded(
    url
      .replace(/[?#].*$/s, '')
      .split('/')
      .at(-1) ?? '',
  );
  return /^\w+:\/\//.test(url) && (file === name || file.replace(/\.[A-Za-z0-9]{1,5}$/, '') === name);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function inMs(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

type Output = NonNullable<ProcessMediaRequest['output']>;

function outputOf({ formats, fit, fileName }: Draft): Output {
  return {
    ...(formats.length > 0 && { formats: [...formats] as NonNullable<Output['formats']> }),
    ...(fit !== 'contain' && { fit }),
    ...(fileName.trim() !== '' && { file_name: fileName.trim() }),
  };
}

function captionsOf(choices: CaptionChoices): Captions {
  const { mode, font, size, colour, highlight, position, wordsPerLine, upperCase } = choices;
  if (mode !== 'burn') return { mode };
  const usual = NO_CAPTIONS;
  return {
    mode,
    ...(font !== usual.font && { font: font as Captions['font'] & string }),
    ...(size !== usual.size && { size }),
    ...(colour !== usual.colour && { colour }),
    ...(highlight !== usual.highlight && { highlight }),
    ...(position !== usual.position && { position }),
    ...(wordsPerLine !== usual.wordsPerLine && { words_per_line: wordsPerLine }),
    ...(upperCase !== usual.upperCase && { upper_case: upperCase }),
  };
}
