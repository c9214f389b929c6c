/** A draft as a text that outlives the page: without the files themselves, which browsers do not keep. Pure. */
import { type Clip, type Draft, emptyDraft } from './draft.ts';

export interface Unpacked {
  draft: Draft;
  /** Names of clips and tracks that have to be added again: their files were not sent, or too long ago. */
  lost: readonly string[];
}

const VERSION = 1;
const LISTS = ['blocks', 'tracks', 'lines', 'formats', 'targets', 'rules'] as const;
/** The service keeps files for seven days. */
const KEPT_MS = 6 * 86_400_000;
/** Characters of all pictures together. */
const MOST_POSTERS = 1_000_000;

export function pack(draft: Draft): string {
  const all = [...draft.blocks.flatMap((block) => block.clips), ...draft.tracks];
  const posters = all.reduce((sum, { poster }) => sum + (poster?.length ?? 0), 0);
  const bare = ({ source, poster, ...clip }: Clip): Clip => ({
    ...clip,
    poster: posters < MOST_POSTERS ? poster : null,
    source: source.kind === 'file' ? { ...source, file: null } : source,
  });
  const blocks = draft.blocks.map((block) => ({ ...block, clips: block.clips.map(bare) }));
  return JSON.stringify({ version: VERSION, draft: { ...draft, blocks, tracks: draft.tracks.map(bare) } });
}

/** Undefined for a text of another version, or a damaged one. @param now milliseconds since the epoch */
export function unpack(text: string, now: number): Unpacked | undefined {
  try {
    const { version, draft: kept } = JSON.parse(text) as { version: number; draft: Partial<Draft> };
    if (version !== VERSION) return undefined;
    const draft: Draft = { ...emptyDraft(), ...kept };
    if (!LISTS.every((field) => Array.isArray(draft[field]))) return undefined;
    const isThere = (clip: Clip) => isKept(clip, now);
    const all = [...draft.blocks.flatMap((block) => block.clips), ...draft.tracks];
    const blocks = draft.blocks.map((block) => ({ ...block, clips: block.clips.filter(isThere) }));
    return {
      draft: { ...draft, blocks, tracks: draft.tracks.filter(isThere) },
      lost: all.filter((clip) => !isThere(clip)).map(({ name }) => name),
    };
  } catch {
    return undefined;
  }
}

/** Whether the person has put anything into it. */
export function isWorthKeeping({ name, blocks, tracks, lines }: Draft): boolean {
  return (
    name.trim() !== '' ||
    tracks.length > 0 ||
    blocks.some(({ clips }) => clips.length > 0) ||
    lines.some(({ text }) => text.trim() !== '')
  );
}

function isKept({ source }: Clip, now: number): boolean {
  if (source.kind === 'link') return true;
  return source.upload.state === 'done' && now - source.upload.at < KEPT_MS;
}
