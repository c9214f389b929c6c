/** Mistakes that the schema cannot express: fields that contradict each other, and URLs that may not be read. */
import type { Mistake } from '../base/errors.ts';
import { blockEntries, isObject } from './block-entries.ts';
import { type CallbackRule, callbackRefusal } from './callback-url.ts';
import { captionMistakes } from './caption-checks.ts';
import { countMistakes } from './count-checks.ts';
import { outputMistakes } from './format-checks.ts';
import { shown } from './mistakes.ts';
import { nameFieldMistakes } from './name-checks.ts';
import { overlayMistakes } from './overlay-checks.ts';
import { checkRules } from './rule-checks.ts';
import { selectionMistakes } from './selection-checks.ts';
import { readSourceUrl, type SourceRules } from './source-location.ts';
import { trimMistakes } from './trim-checks.ts';

export interface Limits {
  /** MAX_COMBINATIONS. */
  combinations: number;
  sources: SourceRules;
  callback?: CallbackRule;
}

const MAX_METADATA_DEPTH = 32;
/** Bytes as JSON: the status repeats it. Written again, a number such as 1e20 has five times the characters. */
const MAX_METADATA_BYTES = 64 * 1024;

/** Accepts a body of any shape, so that one answer names all mistakes. */
export function semanticMistakes(body: unknown, limits: Limits): Mistake[] {
  if (!isObject(body)) return [];
  const rules = checkRules(body, limits.sources);
  return [
    ...urlMistakes(body, limits.sources),
    ...partMistakes(body),
    ...nameMistakes('/video_blocks', body['video_blocks']),
    ...nameMistakes('/audio_blocks', body['audio_blocks']),
    ...bothSpellings(body),
    ...outputMistakes(body['output']),
    ...nameFieldMistakes(body),
    ...overlayMistakes(body),
    ...captionMistakes(body),
    ...callbackMistakes(body['callback_url'], limits.callback),
    ...metadataMistakes(body['metadata']),
    ...selectionMistakes(body),
    ...rules.mistakes,
    ...countMistakes(body, rules.allowed, limits.combinations),
  ];
}

/** Where a body names which upload, in the order of the body. */
export function uploadMentions(body: unknown, rules: SourceRules): { pointer: string; id: string }[] {
  if (!isObject(body)) return [];
  return [...urlsIn(body)].flatMap(({ pointer, url }) => {
    const read = readSourceUrl(String(url), rules);
    return 'location' in read && read.location.kind === 'upload' ? [{ pointer, id: read.location.id }] : [];
  });
}

function urlMistakes(body: Record<string, unknown>, rules: SourceRules): Mistake[] {
  return [...urlsIn(body)].flatMap(({ pointer, url }) => {
    const message = typeof url === 'string' && url !== '' ? urlMistake(url, rules) : undefined;
    return message === undefined ? [] : [{ pointer, code: 'invalid_url' as const, message }];
  });
}

/** All that stands where a URL belongs, of any shape, in the order of the body. */
function* urlsIn(body: Record<string, unknown>): Generator<{ pointer: string; url: unknown }> {
  for (const field of ['video_blocks', 'audio_blocks']) {
    for (const { path, urls } of blockEntries(body[field])) {
      for (const [number, clip] of urls.entries()) {
        const pointer = `/${field}${path}/${number}`;
        yield isObject(clip) ? { pointer: `${pointer}/url`, url: clip['url'] } : { pointer, url: clip };
      }
    }
  }
  const overlays = body['overlays'];
  if (!Array.isArray(overlays)) return;
  for (const [number, overlay] of overlays.entries()) {
    if (isObject(overlay)) yield { pointer: `/overlays/${number}/image`, url: overlay['image'] };
  }
}

function partMistakes(body: Record<string, unknown>): Mistake[] {
  const output = body['output'];
  const fps = isObject(output) && typeof output['fps'] === 'number' ? output['fps'] : undefined;
  return ['video_blocks', 'audio_blocks'].flatMap((field) =>
    [...blockEntries(body[field])].flatMap(({ path, urls }) =>
      urls.flatMap((clip, number) => {
        if (!isObject(clip)) return [];
        const rate = field === 'video_blocks' ? fps : undefined;
        return trimMistakes(`/${field}${path}/${number}`, clip, rate);
      }),
    ),
  );
}

function urlMistake(text: string, rules: SourceRules): string | undefined {
  const read = readSourceUrl(text, rules);
  return 'got' in read ? `Expected ${read.expected}, got ${read.got}. ${read.next}` : undefined;
}

function nameMistakes(at: string, blocks: unknown): Mistake[] {
  if (!Array.isArray(blocks)) return [];
  const taken = new Set<unknown>();
  return blocks.flatMap((block, number) => {
    const name = isObject(block) ? block['name'] : undefined;
    const isRepeated = taken.has(name);
    if (typeof name === 'string') taken.add(name);
    if (!isRepeated) return [];
    const message = `Expected a different name for each block, got ${shown(name)} again. Rename one of them.`;
    return [{ pointer: `${at}/${number}/name`, code: 'repeated' as const, message }];
  });
}

function bothSpellings(body: Record<string, unknown>): Mistake[] {
  if (body['text_to_speech'] === undefined || body['text_to_speach'] === undefined) return [];
  return [
    {
      pointer: '/text_to_speach',
      code: 'conflict',
      message:
        'Expected either text_to_speech or text_to_speach, got both. They are the same field: keep one of them.',
    },
  ];
}

function callbackMistakes(callback: unknown, rule: CallbackRule | undefined): Mistake[] {
  const refusal =
    typeof callback === 'string' && callback !== '' ? callbackRefusal(callback, rule) : undefined;
  if (refusal === undefined) return [];
  const message = `Expected an http(s) URL that can be called, got ${refusal.got}. ${refusal.next}`;
  return [{ pointer: '/callback_url', code: 'invalid_url', message }];
}

function metadataMistakes(metadata: unknown): Mistake[] {
  const mistake = (message: string) => [{ pointer: '/metadata', code: 'too_many' as const, message }];
  if (!isObject(metadata)) return [];
  if (isTooDeep(metadata))
    return mistake(`Expected an object of at most ${MAX_METADATA_DEPTH} levels, got more. Flatten it.`);
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes <= MAX_METADATA_BYTES) return [];
  const [most, kilobytes] = [MAX_METADATA_BYTES / 1024, Math.ceil(bytes / 1024)];
  return mistake(
    `Expected an object of at most ${most} KB as JSON, got ${kilobytes} KB. Keep it with you, and send its id.`,
  );
}

/** Deeper nesting overflows the stack of JSON.stringify and of other readers. */
function isTooDeep(metadata: object): boolean {
  let level: unknown[] = [metadata];
  for (let depth = 0; depth <= MAX_METADATA_DEPTH; depth++) {
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}
