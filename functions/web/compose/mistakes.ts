/** Where in the draft a mistake belongs that the service found in its request. Pure. */
import type { Draft } from './draft.ts';
import { sentRules, spokenLines, usedBlocks, withoutPending } from './request.ts';

/** As the service says it. */
export interface Mistake {
  pointer: string;
  message: string;
}

export interface PlacedMistake {
  /** The part of the page that shows it: `line:KEY`, `clip:KEY`, `rule:KEY`, or one of PARTS; empty: none. */
  at: string;
  /** What it is about, for a list of all mistakes. */
  about: string;
  message: string;
}

const FIELDS: readonly { start: string; at: string; about: string }[] = [
  { start: '/task_name', at: 'name', about: 'Name' },
  { start: '/output/file_name', at: 'fileName', about: 'File names' },
  { start: '/output', at: 'formats', about: 'Formats' },
  { start: '/captions', at: 'captions', about: 'Captions' },
  { start: '/selection/lines', at: 'linesMode', about: 'Lines' },
  { start: '/selection/tracks', at: 'tracksMode', about: 'Music' },
  { start: '/text_to_speech', at: 'linesMode', about: 'Lines' },
  { start: '/limit', at: 'limit', about: 'Limit' },
  { start: '/include', at: 'rules', about: 'Rules' },
  { start: '/exclude', at: 'rules', about: 'Rules' },
  { start: '/targets', at: 'targets', about: 'Platforms' },
];

export function placedMistakes(mistakes: readonly Mistake[], draft: Draft): PlacedMistake[] {
  return mistakes.map(({ pointer, message }) => ({
    ...placeOf(pointer, draft),
    message: withoutPending(message),
  }));
}

function placeOf(pointer: string, draft: Draft): { at: string; about: string } {
  const [, field = '', first = '', second = '', third = ''] = pointer.split('/');
  const steps = { field, number: first === '' ? Number.NaN : Number(first), second, third };
  return (
    clipPlace(steps, draft) ??
    linePlace(steps, draft) ??
    rulePlace(steps, draft) ??
    FIELDS.find(({ start }) => pointer.startsWith(start)) ?? { at: '', about: '' }
  );
}

interface Steps {
  field: string;
  number: number;
  second: string;
  third: string;
}

function clipPlace({ field, number, second, third }: Steps, draft: Draft) {
  if (second !== 'urls') return undefined;
  const used = field === 'video_blocks' ? usedBlocks(draft)[number] : undefined;
  const clips = field === 'audio_blocks' ? draft.tracks : used?.block.clips;
  const clip = clips?.[Number(third)];
  if (clip === undefined) return undefined;
  return { at: `clip:${clip.key}`, about: `${used?.name ?? 'Music'}, ${clip.name}` };
}

function linePlace({ field, number }: Steps, draft: Draft) {
  const line = field === 'text_to_speech' ? spokenLines(draft)[number] : undefined;
  return line && { at: `line:${line.key}`, about: `Line ${draft.lines.indexOf(line) + 1}` };
}

function rulePlace({ field, number }: Steps, draft: Draft) {
  if (field !== 'include' && field !== 'exclude') return undefined;
  const sent = sentRules(draft, field)[number];
  return sent && { at: `rule:${sent.rule.key}`, about: `Rule ${draft.rules.indexOf(sent.rule) + 1}` };
}
