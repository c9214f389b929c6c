/** What file names look like for a draft: an example, and what a template may name. Pure. */
import type { Draft } from './draft.ts';
import { nameOf, spokenLines, usedBlocks } from './request.ts';

export interface TemplateValue {
  /** As it is written in a template, such as `{index}`. */
  token: string;
  /** What it stands for, in words. */
  about: string;
}

/** Ends each name, from the id of the task, which is not known yet. */
const SOME_ID = '3f9c2a';
const NOT_IN_NAMES = /[^\p{L}\p{M}\p{N}_-]+/gu;

/** Only those that the videos of this draft have. */
export function templateValues(draft: Draft): TemplateValue[] {
  const lines = spokenLines(draft);
  const blocks = usedBlocks(draft).filter(({ name }) => !/[{}]/.test(name));
  return [
    { token: '{task}', about: 'the name of the task' },
    { token: '{index}', about: 'the number of the combination' },
    ...blocks.map(({ name }) => ({ token: `{block:${name}}`, about: `the clip of ${name}` })),
    ...blocks.map(({ name }) => ({ token: `{n:${name}}`, about: `the number of the clip in ${name}` })),
    ...(draft.tracks.length > 0 ? [{ token: '{track}', about: 'the music' }] : []),
    ...(lines.length > 0
      ? [
          { token: '{line}', about: 'the number of the line' },
          { token: '{voice}', about: 'the voice' },
        ]
      : []),
    ...(lines.some(({ language }) => language !== '')
      ? [{ token: '{language}', about: 'the language' }]
      : []),
    ...(lines.some(({ group }) => group !== '')
      ? [{ token: '{group}', about: 'the group of the line' }]
      : []),
    ...(draft.formats.length > 0 ? [{ token: '{format}', about: 'the format' }] : []),
    { token: '{id}', about: 'six digits of the task’s own' },
  ];
}

/**
 * The name of the first video, nearly: folders for groups and formats included.
 * @param voice of lines that name none
 */
export function exampleName(draft: Draft, voice: string): string {
  const blocks = usedBlocks(draft);
  const [line] = spokenLines(draft);
  const [format = ''] = draft.formats;
  const isSeveral = draft.formats.length > 1;
  const clips = new Map(blocks.map(({ name, block }) => [name, shown(block.clips[0]?.name ?? 'clip')]));
  const usual = ['{index}', ...blocks.map(({ name }) => `{block:${name}}`), '{id}'].join('-');
  const wanted = draft.fileName.trim() || usual;
  const template = isSeveral && !wanted.includes('{format}') ? `${wanted}_{format}` : wanted;
  const values: Record<string, string> = {
    index: '0001',
    task: nameOf(draft),
    format,
    track: shown(draft.tracks[0]?.name ?? ''),
    line: line === undefined ? '' : '1',
    voice: line?.voice || voice,
    language: line?.language ?? '',
    group: line?.group ?? '',
    id: SOME_ID,
  };
  const name = template.replace(/\{\{|\}\}|\{([^{}]*)\}/g, (token, inner: string | undefined) => {
    if (inner === undefined) return token.charAt(0);
    if (inner.startsWith('block:')) return clips.get(inner.slice(6)) ?? token;
    if (inner.startsWith('n:')) return clips.has(inner.slice(2)) ? '1' : token;
    return values[inner] ?? token;
  });
  return [...(line?.group ? [line.group] : []), ...(isSeveral ? [format] : []), `${name}.mp4`].join('/');
}

/** As file names show the name of a clip. */
function shown(name: string): string {
  const stem = name.replace(/\.[A-Za-z0-9]{1,5}$/, '').replace(NOT_IN_NAMES, '_');
  return stem.replace(/^[_-]+|[_-]+$/g, '').slice(0, 40) || 'clip';
}
