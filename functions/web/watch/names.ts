/** What videos and the files that they are made of are called on the page. */
import type { RenderView } from '../../model/answers/render.ts';

/** What a name is made of; services that know the names of clips send them. */
export type Named = Pick<RenderView, 'clips' | 'file_name'> & { clip_names?: readonly string[] };

/** 32 digits of chance stand before the name in the address of an upload. */
const UPLOAD = /^upload:[0-9a-f]{32}-/;
const EXTENSION = /\.[A-Za-z0-9]{1,5}$/;
/** `0001-hook-a-body-b-1f0c9a` or the same with a format: what files are called unless the task says otherwise. */
const USUAL = /^\d{4,}-(.+)-[0-9a-f]{6}(?:_[^/]*)?$/;

/** `hook-a` of an address that ends in `/clips/hook-a.mp4?key=1`. */
export function sourceName(url: string): string {
  if (UPLOAD.test(url)) return url.replace(UPLOAD, '');
  const [path = ''] = url.split(/[?#]/);
  const [place = url, ...parts] = path
    .replace(/^[\w+.-]+:\/*/, '')
    .split('/')
    .filter(Boolean);
  const last = parts.at(-1);
  return last === undefined ? place : decoded(last).replace(EXTENSION, '') || place;
}

export function clipNames({ clips, clip_names }: Named): readonly string[] {
  return clip_names ?? clips.map(sourceName);
}

/** The clips of a video as its file is named by them; the name of the file where the task has names of its own. */
export function labelOf(video: Named): string {
  if (video.clip_names !== undefined) return video.clip_names.join(' · ');
  const stem = baseName(video.file_name).replace(/\.mp4$/, '');
  return USUAL.exec(stem)?.[1] ?? stem;
}

/** Without the sub-folders. */
export function baseName(fileName: string): string {
  return fileName.slice(fileName.lastIndexOf('/') + 1);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
