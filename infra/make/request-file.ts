/** Reads a request from a file: request.json, and the task.json of a folder. Local paths in it become file URLs. */
import { basename, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inHome } from '../../functions/config/settings-reader.ts';
import { isFilm, isSound } from './media-kinds.ts';
import { readText } from './read-text.ts';
import { isObject, mapSources } from './source-fields.ts';

type Json = Record<string, unknown>;

/** `https:`, `gs:`, `upload:`, `ftp:`; not `C:\`. The service says which of them it reads. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i;

/** @param base folder that relative paths start from */
export async function readRequestFile(
  file: string,
  base: string,
): Promise<{ request: Json; mistakes: string[] }> {
  const name = basename(file);
  // Not read to see that: it may be larger than memory.
  if (isFilm(name) || isSound(name))
    return {
      request: {},
      mistakes: [
        `${name}: expected a folder of clips, or a request as JSON, got a clip. Give the folder that holds the folders of clips.`,
      ],
    };
  let request: unknown;
  try {
    request = JSON.parse(await readText(file));
  } catch (error) {
    return { request: {}, mistakes: [`${name}: ${notJson(error)}`] };
  }
  if (!isObject(request))
    return {
      request: {},
      mistakes: [`${name}: expected an object ({ … }), got other JSON. Write the fields in it.`],
    };
  const mistakes: string[] = [];
  const withFiles = mapSources(request, (url, kind, pointer) => {
    try {
      return { url: kind === 'image' || url !== '' ? sourceUrl(url, base) : url };
    } catch {
      mistakes.push(
        `${name}: expected the URL of a file on this machine in ${pointer}, got ${url}. Give its path.`,
      );
      return { url };
    }
  });
  return { request: withFiles, mistakes };
}

/** A URL as it is, a path as file URL. Throws for a file URL of another machine. */
function sourceUrl(text: string, base: string): string {
  if (/^file:/i.test(text)) return pathToFileURL(fileURLToPath(text)).href;
  return SCHEME.test(text) ? text : pathToFileURL(resolve(base, inHome(text))).href;
}

function notJson(error: unknown): string {
  const { message } = error as Error;
  if (!(error instanceof SyntaxError)) return message;
  return `expected JSON, got something else (${message}). Correct it there.`;
}
