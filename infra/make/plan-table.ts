/** A dry run: what would be made, with the names that the videos would show. Nothing is uploaded. */
import { basename } from 'node:path';
import { counted } from '../../functions/base/counted.ts';
import type { Client, ProcessMediaRequest } from '../../functions/client/client.ts';
import type { ChoicesView, PlanView } from '../../functions/model/answers/render.ts';
import { clipName, givenName } from '../../functions/model/clip-name.ts';
import { aligned } from '../report/report-table.ts';
import { explained } from './explained.ts';
import type { Job } from './read-job.ts';
import { sayWarnings } from './say-warnings.ts';
import { mapSources } from './source-fields.ts';

/** Never asked: a dry run reads no clip. https://www.rfc-editor.org/rfc/rfc2606#section-2 */
const PLACEHOLDER = 'https://not-uploaded.invalid';
const MAX_LINE = 40;

/** The tables of a dry run, as text. */
export async function planTable(
  client: Client,
  job: Job,
  options: { seed: number; say: (text: string) => void; signal: AbortSignal },
): Promise<string> {
  const { request, nameOf } = withPlaceholders(job);
  const pages: PlanView[] = [];
  try {
    for await (const page of client.plan({ ...request, seed: options.seed }, { signal: options.signal }))
      pages.push(page);
  } catch (error) {
    throw explained(error, job);
  }
  const [first] = pages;
  if (first === undefined)
    throw new Error('Expected the plan of the service, got none. Next step: try again.');
  sayWarnings(first.warnings, request, options.say);
  const renders = pages.flatMap((page) => page.renders);
  return [videoTable(renders, first, nameOf), counts(first)].join('\n\n');
}

function videoTable(
  renders: readonly ChoicesView[],
  { selection }: PlanView,
  nameOf: (url: string) => string,
): string {
  const blocks = selection?.blocks.map(({ name }) => name) ?? [];
  const has = (field: 'track' | 'text' | 'format') => renders.some((render) => render[field] !== null);
  const head = [
    'video',
    ...blocks,
    ...(has('track') ? ['music'] : []),
    ...(has('text') ? ['line'] : []),
    ...(has('format') ? ['format'] : []),
  ];
  const rows = renders.map(({ index, clips, track, text, voice, format }) => [
    String(index),
    ...clips.map(nameOf),
    ...(has('track') ? [track === null ? '-' : nameOf(track)] : []),
    ...(has('text') ? [text === null ? '-' : `${voice}: ${shortened(text)}`] : []),
    ...(has('format') ? [format ?? '-'] : []),
  ]);
  return aligned([head, ...rows]).join('\n');
}

function counts({ task_name, combinations, seed, selection }: PlanView): string {
  const uses = (selection?.blocks ?? []).map(({ name, clips }) => [
    name,
    clips.map((clip) => `${clip.name} ${clip.uses}x`).join(', '),
  ]);
  return aligned([
    ['task', task_name],
    ...(selection === null ? [] : [['possible', counted(selection.possible, 'combination')]]),
    ...(selection === null ? [] : [['chosen', counted(selection.chosen, 'combination')]]),
    ...uses,
    ['seed', String(seed)],
    ['videos', `${combinations} would be made`],
  ]).join('\n');
}

/** Placeholders carry the names that the clips would have once uploaded. */
function withPlaceholders({ request, files }: Job) {
  const names = new Map<string, string>();
  const numbers = new Map([...files.keys()].map((url, number) => [url, number + 1]));
  const named = mapSources(request, (url, _kind, _pointer, given) => {
    const file = files.get(url);
    const name = clipName(file === undefined ? lastPart(url) : basename(file.path));
    const placed =
      file === undefined ? url : `${PLACEHOLDER}/${numbers.get(url)}/${encodeURIComponent(name)}`;
    names.set(placed, given === undefined ? name : givenName(given));
    return { url: placed };
  });
  return {
    request: named as unknown as ProcessMediaRequest,
    nameOf: (url: string) => names.get(url) ?? clipName(lastPart(url)),
  };
}

/** The name of a file on the web. */
function lastPart(url: string): string {
  const last = (URL.parse(url)?.pathname ?? url).split('/').filter(Boolean).at(-1) ?? '';
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function shortened(text: string): string {
  const letters = [...text];
  return letters.length <= MAX_LINE ? text : `${letters.slice(0, MAX_LINE - 1).join('')}…`;
}
