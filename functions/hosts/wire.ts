/** Wires the pipeline on top of a host's adapters, the same for every host. */

import { hostRefusal } from '../adapters/shared/address-guard.ts';
import type { Log } from '../base/log.ts';
import { machineMemoryMb } from '../base/machine.ts';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/loopback.ts';
import { sourceRules } from '../config/vendor-settings.ts';
import { createDownloadPlaces } from '../coordination/download-places.ts';
import { fairLanes } from '../coordination/fair-lanes.ts';
import { createProblems } from '../coordination/problems.ts';
import { createReceiverPlaces } from '../coordination/receiver-places.ts';
import { createSharedPace } from '../coordination/shared-pace.ts';
import { clientAddressReader } from '../http/client-address.ts';
import { createReadiness, type HealthCheck } from '../http/readiness.ts';
import { createRequestGuard } from '../http/request-guard.ts';
import { createStats, type Figures } from '../http/stats.ts';
import { createBurning } from '../media/captions/burn.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import type { HardwareName } from '../model/pins.ts';
import { createArtifacts } from '../pipeline/artifacts.ts';
import { createJoins } from '../pipeline/decide-join.ts';
import { createFetching } from '../pipeline/fetch-source.ts';
import { createPieces } from '../pipeline/prepare-piece.ts';
import { createSources } from '../pipeline/prepare-source.ts';
import { remakeHere, remakeInPrepare } from '../pipeline/remake.ts';
import { createSoundtracks } from '../pipeline/soundtracks.ts';
import { createSpeaking } from '../pipeline/speak-line.ts';
import { createSpeechCounts } from '../pipeline/speech-counts.ts';
import { createSpokenWords } from '../pipeline/spoken-words.ts';
import { remakePieceHere, remakePieceInPrepare } from '../pipeline/video-pieces.ts';
import type { OutputStore } from '../ports/outputs.ts';
import type { Queue } from '../ports/queue.ts';
import type { Seal } from '../ports/seal.ts';
import type { ChosenAdapters } from './choose-adapters.ts';
import { dataFolders } from './data-folders.ts';
import type { Adapters, Instrumentation } from './instrumentation.ts';
import { createLanes } from './lanes.ts';
import { measuredOutputs } from './measured-adapters.ts';
import { pacedOutputs } from './paced-outputs.ts';

/** The adapters that the host itself chooses; the settings choose the others. */
type HostAdapters<Q extends Queue> = Omit<Adapters, keyof ChosenAdapters> & { queue: Q };

export interface AssemblyOptions {
  config: Config;
  log: Log;
  instrumentation: Instrumentation;
  ffmpeg: Ffmpeg;
  /** Of access tokens. */
  seal: Pick<Seal, 'of'>;
  /** How long a prepare waits for a place, or for another one that downloads its URL, before it is handed back. */
  fetchWaitMs: number;
  /** The longest that the encoding of one clip may take, in milliseconds; no limit if undefined. */
  encodeLimitMs?: number;
  /** The encoder in hardware that works here; undefined: x264. */
  encoder?: HardwareName | undefined;
  /** What /readyz looks at. */
  checks: readonly HealthCheck[];
  /** What a machine knows that does all the work alone. */
  figures?: Omit<Figures, 'places'>;
  /** Where a prepared source is made again: where a render misses it, or only in the function prepare. */
  remade: 'here' | 'in prepare';
}

/** Videos uploaded at a time. Uploads wait for the network and take little CPU. */
const SAVERS = 8;
const MB = 1024 * 1024;

/** Everything that the stages and the HTTP API need. */
export function assemble<Q extends Queue>(
  own: HostAdapters<Q>,
  chosen: ChosenAdapters,
  options: AssemblyOptions,
) {
  const { config, log, instrumentation, ffmpeg, fetchWaitMs } = options;
  const { temp: tempDir } = dataFolders(config);
  const outputs = measuredOutputs(chosen.outputs);
  const adapters = instrumentation.adapters({
    ...own,
    artifacts: chosen.artifacts,
    outputs: config.vendors.output.kind === 'drive' ? paced(outputs, own, log) : outputs,
    uploads: chosen.uploads,
    downloads: chosen.downloads,
    speech: chosen.speech,
    voices: chosen.voices,
    sender: chosen.sender,
  });
  const { pins, leases, attempts, queue, memo, downloads, speech } = adapters;
  const artifacts = createArtifacts({ store: adapters.artifacts, leases, attempts, tempDir });
  const lanes = createLanes({
    threads: config.ffmpegThreads,
    mixers: config.renderConcurrency,
    memoryMb: machineMemoryMb(),
    inHardware: options.encoder !== undefined,
  });
  const downloading = createDownloadPlaces();
  const saving = fairLanes({ place: 'saver', places: SAVERS });
  const places = () => ({
    downloader: downloading.usage(),
    prober: lanes.probing.usage(),
    decoder: lanes.decoding.usage(),
    encoder: lanes.encoding.usage(),
    mixer: lanes.mixing.usage(),
    saver: saving.usage(),
  });
  const fetching = createFetching({
    pins,
    leases,
    attempts,
    artifacts,
    downloads,
    places: downloading,
    memo,
    ffmpeg,
    probing: lanes.probing,
    tempDir,
    waitMs: fetchWaitMs,
  });
  const joins = createJoins({ pins, queue, log });
  const clips = {
    fetching,
    joins,
    pins,
    artifacts,
    ffmpeg,
    encoder: options.encoder,
    encoding: lanes.encoding,
    decoding: lanes.decoding,
    maxClipSeconds: config.maxClipSeconds,
    encodeLimitMs: options.encodeLimitMs ?? Number.POSITIVE_INFINITY,
  };
  const speechCounts = createSpeechCounts({ speaker: speech.speaker, usage: adapters.usage, log });
  const sources = createSources({
    ...clips,
    speaking: createSpeaking({
      ...{ speech, artifacts, leases },
      counts: speechCounts,
      inTurn: fairLanes({ place: 'speaker', places: 1 }),
    }),
  });
  const spokenWords = createSpokenWords();
  const pieces = createPieces({ ...clips, sources, spokenWords });
  return {
    ...adapters,
    receivers: createReceiverPlaces(),
    artifacts,
    speechCounts,
    sources,
    pieces,
    joins,
    soundtracks: createSoundtracks({ artifacts, ffmpeg, log }),
    spokenWords,
    canBurn: createBurning(ffmpeg),
    problems: createProblems({ store: adapters.problems }),
    remake:
      options.remade === 'here'
        ? remakeHere({ sources, wasEvicted: chosen.wasEvicted, log })
        : remakeInPrepare({ pins, artifacts, attempts, queue }),
    remakePiece:
      options.remade === 'here'
        ? remakePieceHere(pieces)
        : remakePieceInPrepare({ pins, artifacts, attempts, queue }),
    ffmpeg,
    log,
    tempDir,
    seal: options.seal,
    prices: config.vendors.prices,
    mixing: lanes.mixing,
    saving,
    run: instrumentation.run,
    readiness: createReadiness({ checks: options.checks, log }),
    places,
    stats: createStats({ ...adapters, figures: options.figures && { ...options.figures, places } }),
    ...apiSettings(config, log),
  };
}

/** Drive allows an account so many requests, whichever of our processes sends them. */
function paced(
  outputs: OutputStore,
  { memo, attempts }: Pick<Adapters, 'memo' | 'attempts'>,
  log: Log,
): OutputStore {
  const onLowered = (perSecond: number) =>
    log.warn(
      `Google Drive asks for fewer requests: at most ${perSecond.toFixed(1)} uploads begin each second`,
      {
        event: 'output.paced',
        per_second: perSecond,
      },
    );
  return pacedOutputs(outputs, createSharedPace({ memo, attempts, name: 'drive', onLowered }));
}

/** What only the HTTP API needs. */
function apiSettings(config: Config, log: Log) {
  return {
    settings: config.shown,
    mcp: config.mcp,
    limits: {
      combinations: config.maxCombinations,
      sources: sourceRules(config.vendors),
      // What is known without DNS. Names are checked at each delivery.
      callback: ({ hostname }: URL) => hostRefusal(hostname, { allowPrivate: config.allowPrivateUrls }),
    },
    maxUploadBytes: config.maxSourceMb * MB,
    storageOrigins: storageOrigins(config),
    guard: createRequestGuard({
      apiKey: config.apiKey,
      hosts: hostsOf(config),
      corsOrigins: config.corsOrigins,
      origins: (url) => [originOf(url, config), ...publicOrigin(config)],
      clientAddressOf: clientAddressReader(config),
      requestsPerMinute: config.requestsPerMinute,
      log,
    }),
    corsOrigins: config.corsOrigins,
    baseUrl: (request: Request) =>
      (config.publicUrl ?? originOf(new URL(request.url), config)).replace(/\/+$/, ''),
  };
}

/** Where browsers send uploads to, and are led to for videos. */
function storageOrigins({ inCloud, vendors: { output, googleApiUrl } }: Config): string[] {
  if (!inCloud && output.kind !== 'gcs') return [];
  return [new URL(googleApiUrl ?? 'https://storage.googleapis.com').origin];
}

/** Without a key, only host names of this machine are accepted, against DNS rebinding. */
function hostsOf({ apiKey, inCloud }: Config): ((hostname: string) => boolean) | undefined {
  return apiKey !== undefined || inCloud ? undefined : isLoopback;
}

/** Cloud Run terminates TLS, so the request arrives over http. */
function originOf({ host, origin }: URL, { inCloud }: Config): string {
  return inCloud ? `https://${host}` : origin;
}

/** Callers may reach the service through a proxy at PUBLIC_URL. */
function publicOrigin({ publicUrl }: Config): string[] {
  return publicUrl === undefined ? [] : [new URL(publicUrl).origin];
}
