/** Where a clip may be dragged to. */
import { say } from '../ui/notice.ts';
import { moveClip, placeOfClip, TRACKS } from './arrange-clips.ts';
import { type Clip, draft, edit } from './draft.ts';
import { kindOf } from './file-kinds.ts';

/** @param at before which clip of the list; undefined: at its end */
export function dropClip(key: string, list: string, at?: number): void {
  const from = placeOfClip(draft.get(), key);
  if (from === undefined) return;
  const refusal = from.list === list ? undefined : refusalOf(from.clip, list);
  if (refusal === undefined) edit((now) => moveClip(now, key, list, at));
  else say(refusal);
}

/** A film may be either: as a track, its sound is the music. */
export function refusalOf({ name, source }: Pick<Clip, 'name' | 'source'>, list: string): string | undefined {
  const kind = source.kind === 'file' && source.file !== null ? kindOf(source.file) : undefined;
  if (kind === 'sound' && list !== TRACKS) return `${name} is sound only: it stays in Music.`;
  return kind === 'picture' && list === TRACKS ? `${name} is a picture: it stays in its block.` : undefined;
}
