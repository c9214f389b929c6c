/** Creates the list of voices of whoever speaks, and the way in which its samples are downloaded. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createWebDownloads, type DownloadOptions } from '../adapters/download/download.ts';
import { createElevenLabsVoices } from '../adapters/elevenlabs/catalog.ts';
import { createEspeakVoices } from '../adapters/espeak/voices.ts';
import { createNeuralVoices } from '../adapters/neural-voice/voices.ts';
import { PermanentError } from '../base/errors.ts';
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

/** Its own next step is for files that callers send. */
function asSample(error: unknown): unknown {
  if (!PermanentError.is(error)) return error;
  const [what = ''] = error.message.split(' Next step:');
  const got = error.code === 'source_too_large' ? 'It is larger.' : what;
  return new PermanentError(
    error.code,
    'download',
    `Expected a sample of the voice of at most ${MOST_SAMPLE_BYTES / 2 ** 20} MB, got none. ${got} ` +
      'Next step: listen to the voice on the site of ElevenLabs.',
    { cause: error },
  );
}

export function chooseVoiceCatalog({
  config,
  speech,
  room,
}: VoiceCatalogOptions): VoiceCatalog & AsyncDisposable {
  const { elevenLabs, elevenLabsApiUrl: apiUrl, offlineVoice } = config.vendors;
  if (elevenLabs === undefined) {
    const own =
      offlineVoice === undefined
        ? createEspeakVoices({ speech })
        : createNeuralVoices({ dir: offlineVoice, speech });
    return { ...own, [Symbol.asyncDispose]: async () => {} };
  }
  const samples = createSamples({ apiUrl, room, tempDir: dataFolders(config).temp });
  const catalog = createElevenLabsVoices({
    apiKey: elevenLabs.voicesKey,
    apiUrl,
    download: samples.download,
  });
  return { ...catalog, [Symbol.asyncDispose]: () => samples[Symbol.asyncDispose]() };
}

export interface SamplesOptions {
  apiUrl: string | undefined;
  room: DownloadOptions['room'];
  tempDir: string;
}

/** Downloads samples as sources are downloaded, whose addresses are checked when they are connected to. */
export function createSamples({ apiUrl, room, tempDir }: SamplesOptions) {
  const downloads = createWebDownloads({
    // Of a test server, which is on this machine.
    allowPrivate: apiUrl?.startsWith('http:') ?? false,
    maxBytes: MOST_SAMPLE_BYTES,
    room,
  });
  return {
    /** Throws PermanentError and TransientError. */
    async download(url: string, signal: AbortSignal): Promise<Uint8Array> {
      await using dir = await workDir(tempDir);
      const file = join(dir.path, 'sample');
      await downloads.get(url, file, { signal }).catch((error) => Promise.reject(asSample(error)));
      return readFile(file);
    },
    [Symbol.asyncDispose]: () => downloads[Symbol.asyncDispose](),
  };
}
