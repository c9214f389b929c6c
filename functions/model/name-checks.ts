/** Mistakes in what names of files and folders are made of. */

import { counted } from '../base/counted.ts';
import type { Mistake } from '../base/errors.ts';
import { hasValue, type PlainValue, templateMistake } from './file-name-template.ts';
import { shown } from './mistakes.ts';
import { type NamedTask, nameByTemplate, sideFileName, subFoldersOf } from './names.ts';
import type { Combination, Plan } from './plan.ts';
import { comparable, portableFolder } from './portable-name.ts';

const TEMPLATE = '/output/file_name';
/** Each is a call or two on Google Drive while the caller waits. */
const MAX_SUB_FOLDERS = 100;
/** Stands for one that the task does not have yet. */
const SOME_ID = '00000000';

/** In a body of any shape. */
export function nameFieldMistakes(body: Readonly<Record<string, unknown>>): Mistake[] {
  const { output, video_blocks: blocks } = body;
  const lines = body['text_to_speech'] === undefined ? 'text_to_speach' : 'text_to_speech';
  return [
    ...templateMistakes(isObject(output) ? output['file_name'] : undefined, namesOf(blocks)),
    ...formatMistakes(isObject(output) ? output['formats'] : undefined),
    ...lineMistakes(`/${lines}`, body[lines]),
  ];
}

function templateMistakes(template: unknown, blocks: readonly string[]): Mistake[] {
  const found = typeof template === 'string' ? templateMistake(template, blocks) : undefined;
  return found === undefined ? [] : [{ pointer: TEMPLATE, ...found }];
}

function namesOf(blocks: unknown): string[] {
  const names = Array.isArray(blocks)
    ? blocks.map((block) => (isObject(block) ? block['name'] : undefined))
    : Object.keys(isObject(blocks) ? blocks : {});
  return names.filter((name) => typeof name === 'string');
}

function formatMistakes(formats: unknown): Mistake[] {
  if (!Array.isArray(formats)) return [];
  const taken = new Set<string>();
  return formats.flatMap((format, at) => {
    const name = isObject(format) ? format['name'] : format;
    if (typeof name !== 'string') return [];
    const key = comparable(name);
    const isTaken = taken.has(key);
    taken.add(key);
    if (!isTaken) return [];
    const message = `Expected a different name for each format, got ${shown(name)} again. Rename or remove one of them.`;
    return [{ pointer: `/output/formats/${at}`, code: 'repeated' as const, message }];
  });
}

function lineMistakes(pointer: string, lines: unknown): Mistake[] {
  if (!Array.isArray(lines)) return [];
  const groups = new Map<string, string>();
  return lines.flatMap((line, at) => {
    if (!isObject(line)) return [];
    return [
      ...languageMistakes(`${pointer}/${at}/language`, line['language']),
      ...groupMistakes(`${pointer}/${at}/group`, line['group'], groups),
    ];
  });
}

function languageMistakes(pointer: string, language: unknown): Mistake[] {
  if (typeof language !== 'string' || isLanguage(language)) return [];
  const message = `Expected a language tag, such as en or pt-BR, got ${shown(language)}. Leave it out if the language does not matter.`;
  return [{ pointer, code: 'invalid', message }];
}

function isLanguage(tag: string): boolean {
  try {
    return new Intl.Locale(tag).language !== '';
  } catch {
    return false;
  }
}

/** @param groups the folders so far, with the group that each is for */
function groupMistakes(pointer: string, group: unknown, groups: Map<string, string>): Mistake[] {
  if (typeof group !== 'string') return [];
  const folder = portableFolder(group);
  const known = groups.get(comparable(folder));
  groups.set(comparable(folder), known ?? group);
  if (known === undefined || known === group) return [];
  const message =
    `Expected groups with folders of their own, got ${shown(known)} and ${shown(group)}, which both have ` +
    `${shown(folder)} on some systems. Write them alike, or rename one.`;
  return [{ pointer, code: 'conflict', message }];
}

/** In the names that a plan gives. @param task with any id */
export function planNameMistakes({ name, plan }: Pick<NamedTask, 'name' | 'plan'>): Mistake[] {
  const task = { name, plan, fileId: SOME_ID };
  const inTemplate = plan.fileName === undefined ? undefined : (valueMistake(plan) ?? clash(task));
  return [
    ...(inTemplate === undefined ? [] : [{ pointer: TEMPLATE, ...inTemplate }]),
    ...folderMistakes(plan),
  ];
}

type Found = Pick<Mistake, 'code' | 'message'> | undefined;

/** What the request lacks if a value is empty in all names. */
const LACKING: Partial<Record<PlainValue, string>> = {
  format: 'output.formats',
  track: 'audio_blocks',
  line: 'text_to_speech',
  voice: 'text_to_speech',
  language: 'a language in text_to_speech',
  group: 'a group in text_to_speech',
};

function valueMistake({ fileName: template = '', formats, combinations, sources }: Plan): Found {
  const lines = combinations.flatMap(({ line }) => (line === null ? [] : [sources[line]]));
  const has = (field: 'language' | 'group') =>
    lines.some((line) => line?.kind === 'line' && line[field] !== undefined);
  const given: Partial<Record<PlainValue, boolean>> = {
    format: formats !== undefined,
    track: combinations.some(({ track }) => track !== null),
    line: lines.length > 0,
    voice: lines.length > 0,
    language: has('language'),
    group: has('group'),
  };
  for (const [value, lacking] of Object.entries(LACKING) as [PlainValue, string][]) {
    if (given[value] || !hasValue(template, value)) continue;
    return {
      code: 'conflict',
      message: `Expected ${lacking} for {${value}}, got none. Add it, or take {${value}} out of the template.`,
    };
  }
  return undefined;
}

const NO_ROOM: Found = {
  code: 'too_many',
  message: 'Expected a template whose names have at most 241 bytes, got a longer one. Shorten its texts.',
};

/** A name that is too long, or two videos, or files beside them, that one of the systems would give one name. */
function clash(task: NamedTask): Found {
  const taken = new Map<string, { name: string; combination: Combination }>();
  for (const combination of task.plan.combinations) {
    const video = nameByTemplate(task, combination);
    if (video === undefined) return NO_ROOM;
    for (const name of filesOf(task, combination, video)) {
      const key = comparable(name);
      const known = taken.get(key);
      if (known !== undefined && known.combination !== combination)
        return clashOf(task.plan, known, { name, combination });
      taken.set(key, { name, combination });
    }
  }
  return undefined;
}

function filesOf(task: NamedTask, combination: Combination, video: string): string[] {
  const { captions, cover, sources } = task.plan;
  const line = combination.line === null ? undefined : sources[combination.line];
  const language = line?.kind === 'line' ? line.language : undefined;
  return [
    video,
    ...(cover === undefined ? [] : [sideFileName(video, 'cover')]),
    ...(captions?.files ?? []).map((kind) => sideFileName(video, kind, language)),
  ];
}

interface Named {
  name: string;
  combination: Combination;
}

function clashOf(plan: Plan, one: Named, other: Named): NonNullable<Found> {
  const differs = whatDiffers(plan, one.combination, other.combination);
  const next =
    differs.length > 0
      ? `Add ${differs.join(' or ')} to the template.`
      : 'Put characters between the values of the template.';
  const [first, second] = [one, other].map(({ combination: { index, number = index } }) => number);
  const got =
    one.name === other.name
      ? shown(one.name)
      : `${shown(one.name)} and ${shown(other.name)}, which some systems take for the same,`;
  return {
    code: 'repeated',
    message: `Expected a different name for each video, got ${got} for combinations ${first} and ${second}. ${next}`,
  };
}

/** What would tell the names of two combinations apart. */
function whatDiffers(
  { blocks = [], fileName: template = '' }: Plan,
  one: Combination,
  other: Combination,
): string[] {
  const isNameable = (block: string) => !/[{}]/.test(block);
  const differing = blocks.filter(({ name }, at) => one.clips[at] !== other.clips[at] && isNameable(name));
  const missing = [
    ...differing.slice(0, 1).map(({ name }) => `{n:${name}}`),
    ...(one.line === other.line ? [] : ['{line}']),
    '{index}',
  ];
  return missing.filter((value) => !template.includes(value));
}

function folderMistakes(plan: Plan): Mistake[] {
  const all = new Set(subFoldersOf(plan).flatMap((path) => [path, path.split('/')[0] as string]));
  if (all.size <= MAX_SUB_FOLDERS) return [];
  return [
    {
      pointer: '/text_to_speech',
      code: 'too_many',
      message:
        `Expected groups of lines and formats that make at most ${counted(MAX_SUB_FOLDERS, 'sub-folder')}, got ${all.size}. ` +
        'Use fewer groups or formats, or split the task.',
    },
  ];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
