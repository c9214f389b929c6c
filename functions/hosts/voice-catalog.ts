/** Creates the list of voices of whoever speaks, and the way in which its samples are downloaded. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createWebDownloads, type DownloadOptions } from '../adapters/download/download.ts';
import { createElevenLabsVoices } from '../adapters/elevenlabs/catalog.ts';
import { createEspeakVoices } from '../adapters/espeak/voices.ts';
import type { Config } from '../config/config.ts';
import { workDir } from '../pipeline/artifacts.ts';
import type { Speech } from '../ports/speech.ts';
import type { VoiceCatalog } from '../ports/voices.ts';
import { dataFolders } from './data-folders.ts';

export interface VoiceCatalogOptions {
  config: Config;
  /** The built-in voice speaks its samples itself. */
  speech: Speech;
  room: DownloadOptions['room'];
}

/** A sample takes seconds, at a few hundred KB. */
const MOST_SAMPLE_BYTES = 5 * 1024 * 1024;

export function chooseVoiceCatalog({
  config,
  speech,
  room,
}: VoiceCatalogOptions): VoiceCatalog & AsyncDisposable {
  const { elevenLabs, elevenLabsApiUrl: apiUrl } = config.vendors;
  if (elevenLabs === undefined)
    return { ...createEspeakVoices({ speech }), [Symbol.asyncDispose]: async () => {} };
  const downloads = createWebDownloads({
    // Of a test server, which is on this machine.
    allowPrivate: apiUrl?.startsWith('http:') ?? false,
    maxBytes: MOST_SAMPLE_BYTES,
    room,
  });
  const catalog = createElevenLabsVoices({
    apiKey: elevenLabs.voicesKey,
    apiUrl,
    async download(url, signal) {
      await using dir = await workDir(dataFolders(config).temp);
      const file = join(dir.path, 'sample');
      await downloads.get(url, file, { signal });
      return readFile(file);
    },
  });
  return { ...catalog, [Symbol.asyncDispose]: () => downloads[Symbol.asyncDispose]() };
}
