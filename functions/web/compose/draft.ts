/** What the person has put together so far: the request before it is one. */
import { DEFAULT_CAPTION_STYLE } from '../../model/captions.ts';
import { createStore } from '../ui/store.ts';
import { dayAndTime } from './day-and-time.ts';

/** A file that was dropped, or a link that was pasted: a clip or a track. */
export interface Clip {
  /** Unique in this page. */
  key: string;
  /** What file names and rules call it. */
  name: string;
  source: ClipSource;
  /** Length in seconds, as far as the browser could tell; null: unknown. */
  seconds: number | null;
  /** A small picture of it, as a data: URL; null: none. */
  poster: string | null;
  /** The browser says that it cannot show it: it is torn, or of a kind that browsers do not know. */
  isUnreadable?: boolean;
  /** The part that is used; null: from its beginning, to its end. */
  startSeconds: number | null;
  endSeconds: number | null;
  /** 0 to 2; null: as the request says for all. */
  volume: number | null;
}

export type ClipSource =
  | { kind: 'link'; url: string }
  /** `file` is null once the page was loaded again: then only the upload is left. */
  | { kind: 'file'; file: File | null; bytes: number; upload: Upload };

export type Upload =
  /** `problem`: why the last try failed, where it is tried again by itself. */
  | { state: 'waiting'; problem?: string }
  | { state: 'sending'; sentBytes: number }
  | { state: 'done'; url: string; at: number }
  | { state: 'failed'; message: string };

export interface Block {
  key: string;
  name: string;
  clips: readonly Clip[];
}

/** A spoken line. */
export interface Line {
  key: string;
  text: string;
  /** Name or id; empty: the first voice of the service. */
  voice: string;
  /** What people call it, where `voice` is an id. */
  voiceName?: string | undefined;
  speed: number | null;
  language: string;
  group: string;
}

export interface CaptionChoices {
  mode: 'none' | 'srt' | 'track' | 'burn';
  font: string;
  size: number;
  colour: string;
  highlight: string | null;
  position: 'top' | 'middle' | 'bottom';
  wordsPerLine: number;
  upperCase: boolean;
}

/** What is left out: all videos with these clips, by block key and clip key. */
export interface Rule {
  key: string;
  kind: 'exclude' | 'include';
  clips: Readonly<Record<string, string>>;
}

export interface Draft {
  /** Of this draft alone: however often it is sent, it makes one task. */
  id: string;
  /** What chance draws by, so that the plan that is shown is the one that is made. */
  seed: number;
  /** When it was begun, such as `2026-11-30 14-05`: part of its name where the person gives none. */
  begun: string;
  name: string;
  blocks: readonly Block[];
  tracks: readonly Clip[];
  lines: readonly Line[];
  tracksMode: 'random' | 'each';
  linesMode: 'random' | 'each';
  formats: readonly string[];
  fit: 'contain' | 'cover' | 'blur';
  captions: CaptionChoices;
  cover: boolean;
  originalVolume: number;
  musicDb: number;
  fileName: string;
  targets: readonly string[];
  rules: readonly Rule[];
  limit: number | null;
}

export const NO_CAPTIONS: CaptionChoices = { mode: 'none', ...DEFAULT_CAPTION_STYLE };

export function emptyDraft(): Draft {
  return {
    id: newId(),
    seed: newSeed(),
    begun: dayAndTime(),
    name: '',
    blocks: ['Hooks', 'Bodies', 'Calls to action'].map((name) => ({ key: newKey(), name, clips: [] })),
    tracks: [],
    lines: [],
    tracksMode: 'random',
    linesMode: 'random',
    formats: ['9x16'],
    fit: 'contain',
    captions: NO_CAPTIONS,
    cover: false,
    originalVolume: 0,
    musicDb: 0,
    fileName: '',
    targets: [],
    rules: [],
    limit: null,
  };
}

/** Unlike all others anywhere. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('');
}

/** A whole number below 2^32. */
export function newSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

let keys = 0;

export function newKey(): string {
  keys += 1;
  return `${keys}-${Math.random().toString(36).slice(2, 8)}`;
}

export const draft = createStore<Draft>(emptyDraft());

/** Changes some fields of the draft. */
export function edit(changes: Partial<Draft> | ((now: Draft) => Partial<Draft>)): void {
  draft.set((now) => ({ ...now, ...(typeof changes === 'function' ? changes(now) : changes) }));
}

export function editBlock(key: string, change: (block: Block) => Block): void {
  edit(({ blocks }) => ({ blocks: blocks.map((block) => (block.key === key ? change(block) : block)) }));
}

/** Changes a clip or track wherever it is. */
export function editClip(key: string, changes: Partial<Clip> | ((clip: Clip) => Partial<Clip>)): void {
  const changed = (clip: Clip): Clip =>
    clip.key === key ? { ...clip, ...(typeof changes === 'function' ? changes(clip) : changes) } : clip;
  edit(({ blocks, tracks }) => ({
    blocks: blocks.map((block) =>
      block.clips.some((clip) => clip.key === key) ? { ...block, clips: block.clips.map(changed) } : block,
    ),
    tracks: tracks.some((track) => track.key === key) ? tracks.map(changed) : tracks,
  }));
}

export function newLine(text: string, like?: Line): Line {
  const none = { voice: '', speed: null, language: '', group: '' };
  return { ...none, ...like, key: newKey(), text };
}

export function editLine(key: string, changes: Partial<Line>): void {
  edit(({ lines }) => ({ lines: lines.map((line) => (line.key === key ? { ...line, ...changes } : line)) }));
}

/** The part of a clip that is used, in seconds; null: not known. */
export function usedSeconds({ seconds, startSeconds, endSeconds }: Clip): number | null {
  const end = endSeconds ?? seconds;
  return end === null ? null : Math.max(0, Math.min(end, seconds ?? end) - (startSeconds ?? 0));
}
