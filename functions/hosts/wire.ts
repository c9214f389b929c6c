/**
 * What every host has in common: the steps on top of the adapters, whichever adapters they are.
 */

import type { Log } from '../base/log.ts';
import { type Config, isLoopback } from '../config/config.ts';
import { sourceRules } from '../config/vendor-settings.ts';
import { fairSemaphore } from '../coordination/fair-semaphore.ts';
import { addressInCloud, addressOnMachine } from '../http/client-address.ts';
import { createRequestGuard } from '../http/request-guard.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import { createArtifacts } from '../pipeline/artifacts.ts';
import { createFetching } from '../pipeline/fetch-source.ts';
import { createSources } from '../pipeline/prepare-source.ts';
import { createSpeaking } from '../pipeline/speak-line.ts';
import type { Adapters } from './instrumentation.ts';

export interface AssemblyOptions {
  ffmpeg: Ffmpeg;
  log: Log;
  /** For unfinished work, on the file system of the artifacts where possible. */
  tempDir: string;
  /** How long a message waits for others before it is handed back. */
  patienceMs: number;
  /** Clips encoded at a time. */
  encoders: number;
  /** Combinations mixed at a time. */
  mixers: number;
  /** For encoding one clip. */
  threads: number;
  maxClipSeconds: number;
  /** Longest that the encoding of one clip may take; undefined: as long as it needs. */
  encodeLimitMs?: number;
}

/** Videos on their way to where they are saved at a time: that is the network's work, not the processors'. */
const SAVERS = 8;

/** All that the stages need. */
export function assemble(adapters: Adapters, options: AssemblyOptions) {
  const { tasks, reports, pins, leases, attempts, queue, memo, outputs, downloads, speech } = adapters;
  const { ffmpeg, log, tempDir, patienceMs, threads, maxClipSeconds } = options;
  const artifacts = createArtifacts({ store: adapters.artifacts, leases, attempts, tempDir });
  const fetching = createFetching({
    pins,
    leases,
    attempts,
    artifacts,
    downloads,
    memo,
    ffmpeg,
    tempDir,
    patienceMs,
  });
  const sources = createSources({
    fetching,
    pins,
    artifacts,
    speaking: createSpeaking({ speech, artifacts, leases }),
    ffmpeg,
    encoding: fairSemaphore(options.encoders),
    threads,
    maxClipSeconds,
    encodeLimitMs: options.encodeLimitMs ?? Number.POSITIVE_INFINITY,
  });
  return {
    tasks,
    reports,
    pins,
    leases,
    attempts,
    queue,
    outputs,
    speech,
    artifacts,
    sources,
    ffmpeg,
    log,
    tempDir,
    patienceMs,
    mixing: fairSemaphore(options.mixers),
    saving: fairSemaphore(SAVERS),
  };
}

/** What the HTTP interface needs beside that. */
export function apiSettings(config: Config) {
  return {
    limits: { combinations: config.maxCombinations, sources: sourceRules(config.vendors) },
    guard: createRequestGuard({
      apiKey: config.apiKey,
      hosts: hostsOf(config),
      origins: (url) => [originOf(url, config), ...publicOrigin(config)],
      clientAddressOf: config.inCloud ? addressInCloud : addressOnMachine,
      requestsPerMinute: config.requestsPerMinute,
    }),
    baseUrl: (request: Request) =>
      (config.publicUrl ?? originOf(new URL(request.url), config)).replace(/\/+$/, ''),
  };
}

/** Without a key, only names of this machine are answered: a page elsewhere can point its own name here. */
function hostsOf({ apiKey, publicUrl, inCloud }: Config): ((hostname: string) => boolean) | undefined {
  if (apiKey !== undefined || inCloud) return undefined;
  const own = publicUrl === undefined ? undefined : new URL(publicUrl).hostname;
  return (hostname) => isLoopback(hostname) || hostname === own;
}

/** Cloud Run ends TLS before the request comes to us. */
function originOf({ host, origin }: URL, { inCloud }: Config): string {
  return inCloud ? `https://${host}` : origin;
}

/** The address that callers use may be that of a proxy. */
function publicOrigin({ publicUrl }: Config): string[] {
  return publicUrl === undefined ? [] : [new URL(publicUrl).origin];
}
