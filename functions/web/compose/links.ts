/** Links that a person pastes, one per line: which can be a clip, and what is wrong with the others. */
import { stemOf } from './file-kinds.ts';

export interface Link {
  url: string;
  /** What to call it until the person names it. */
  name: string;
}

export interface ReadLinks {
  links: readonly Link[];
  /** A sentence for each line that is no link to a file. */
  mistakes: readonly string[];
}

const WEB: readonly string[] = ['https:', 'http:'];
/** How a whole link begins. */
export const WEB_START = `${WEB[0]}//`;
const MAX_URL = 8_192;
const MAX_NAME = 200;
const SHOWN = 60;
const DRIVE_HOST = /^(drive|docs)\.google\.com$/;
const DRIVE_FOLDER = /\/folders\//;

export function readLinks(text: string): ReadLinks {
  const links: Link[] = [];
  const mistakes: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const written = line.trim();
    if (written === '') continue;
    const link = readLink(written);
    if (typeof link === 'string') mistakes.push(link);
    else links.push(link);
  }
  return { links, mistakes };
}

/** Whether a pasted text is worth to be read as links. */
export function looksLikeLinks(text: string): boolean {
  return /^\s*(https?|gs):\/\/\S/i.test(text);
}

function readLink(written: string): Link | string {
  const shown = `“${written.length > SHOWN ? `${written.slice(0, SHOWN)}…` : written}”`;
  const url = URL.parse(written);
  if (url === null || ![...WEB, 'gs:', 'upload:'].includes(url.protocol)) {
    return `${shown}: expected a link that begins with ${WEB_START} or gs://. Copy the whole address.`;
  }
  if (/\s/.test(written))
    return `${shown}: expected one link per line, got a blank in it. Write a blank as %20.`;
  if (written.length > MAX_URL) {
    return `${shown}: expected at most ${MAX_URL} characters, got ${written.length}. Use a shorter link.`;
  }
  if (WEB.includes(url.protocol) && written.includes('#')) {
    return `${shown}: got “#”, and what follows it is never sent. Write %23 if it is part of the name, else leave it out.`;
  }
  if (DRIVE_HOST.test(url.hostname) && DRIVE_FOLDER.test(url.pathname)) {
    return `${shown}: expected a link to one file on Google Drive, got a folder. Copy the link of each file in it.`;
  }
  return { url: written, name: nameOf(url) };
}

function nameOf(url: URL): string {
  const parts = url.pathname.split('/').filter((part) => part !== '');
  if (url.protocol === 'upload:')
    return (url.pathname.replace(/^[0-9a-f]{32}-/, '') || 'upload').slice(0, MAX_NAME);
  if (DRIVE_HOST.test(url.hostname)) {
    const id = parts[parts.indexOf('d') + 1] ?? '';
    return `Drive ${(parts.includes('d') ? id : (url.searchParams.get('id') ?? '')).slice(0, 6)}`.trim();
  }
  const last = parts.at(-1);
  if (last === undefined) return url.hostname.slice(0, MAX_NAME);
  return stemOf(decoded(last)).slice(0, MAX_NAME);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
