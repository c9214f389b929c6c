/** Creates the adapters that the settings choose, the same on every host. SDKs load on first use. */
import { createDiskArtifacts, type DiskArtifacts } from '../adapters/disk/artifacts.ts';
import { createDiskUploads, type DiskUploads } from '../adapters/disk/uploads.ts';
import { createWebDownloads, type DownloadOptions } from '../adapters/download/download.ts';
import { createSourceDownloads } from '../adapters/download/source-downloads.ts';
import { connectDrive } from '../adapters/drive/account.ts';
import { createDriveDownloads } from '../adapters/drive/downloads.ts';
import { createDriveOutputs } from '../adapters/drive/outputs.ts';
import { createElevenLabsSpeech } from '../adapters/elevenlabs/elevenlabs.ts';
import { createEspeakSpeech } from '../adapters/espeak/espeak.ts';
import { createNeuralSpeech } from '../adapters/neural-voice/neural-voice.ts';
import { createDiskRoom, diskSpace, memorySpace } from '../adapters/shared/disk-room.ts';
import { createStorageArtifacts } from '../adapters/storage/artifacts.ts';
import { createStorageDownloads } from '../adapters/storage/downloads.ts';
import { createStorageOutputs } from '../adapters/storage/outputs.ts';
import { connectStorage } from '../adapters/storage/storage.ts';
import { createStorageUploads } from '../adapters/storage/uploads.ts';
import { createWebhookSender } from '../adapters/webhook/sender.ts';
import type { Config } from '../config/config.ts';
import { sourceRules } from '../config/vendor-settings.ts';
import { workDir } from '../pipeline/artifacts.ts';
import type { ArtifactStore } from '../ports/artifacts.ts';
import type { Downloads } from '../ports/downloads.ts';
import type { Memo } from '../ports/memo.ts';
import type { OutputStore } from '../ports/outputs.ts';
import type { Seal } from '../ports/seal.ts';
import type { Speech } from '../ports/speech.ts';
import type { UploadStore } from '../ports/uploads.ts';
import type { VoiceCatalog } from '../ports/voices.ts';
import type { WebhookSender } from '../ports/webhooks.ts';
import { dataFolders } from './data-folders.ts';
import { chooseVoiceCatalog } from './voice-catalog.ts';
import { webhookSecret } from './webhook-secret.ts';

export interface ChooseAdaptersOptions {
  config: Config;
  /** For ids of outputs. Its values are sealed, because they say which file is written to. */
  memo: Memo;
  /** Of the URLs for uploads. */
  seal: Seal;
  /** Used if OUTPUT is local. */
  diskOutputs: OutputStore;
  /** Whether several processes use the folders in DATA_DIR. */
  sharedDisk: boolean;
  downloadLimits?: NonNullable<DownloadOptions['limits']>;
}

export interface ChosenAdapters extends AsyncDisposable {
  artifacts: ArtifactStore;
  /** Of the artifacts on this machine's disk. */
  wasEvicted: DiskArtifacts['wasEvicted'];
  cacheUsage: DiskArtifacts['usage'];
  outputs: OutputStore;
  uploads: UploadStore;
  /** Of the uploads on this machine's disk. */
  removeOldUploads: DiskUploads['removeOld'];
  downloads: Downloads;
  speech: Speech;
  voices: VoiceCatalog;
  sender: WebhookSender;
}

const MB = 1024 * 1024;

export function chooseAdapters(options: ChooseAdaptersOptions): ChosenAdapters {
  const { config, memo } = options;
  const folders = dataFolders(config);
  const { vendors } = config;
  const { googleApiUrl } = vendors;
  const open = new AsyncDisposableStack();
  const storage = connectStorage({ projectId: config.project, apiUrl: googleApiUrl });
  const drive = vendors.drive && open.use(connectDrive({ auth: vendors.drive, apiUrl: googleApiUrl }));
  const maxBytes = config.maxSourceMb * MB;
  const { downloadLimits: limits = {} } = options;
  const local = createDiskArtifacts({
    dir: folders.artifacts,
    maxBytes: config.cacheMaxMb * MB,
    shared: options.sharedDisk,
  });
  // Downloads go to the folder for unfinished work, on the file system of the artifacts.
  const room = createDiskRoom({
    measure: () => (config.inCloud ? memorySpace : diskSpace)(folders.temp),
    makeRoom: local.makeRoom,
  });

  const storageDownloads = createStorageDownloads({ storage, maxBytes, limits, room });
  const diskUploads = createDiskUploads({ dir: folders.uploads, seal: options.seal, maxBytes, room });
  const uploads = chosenUploads();
  const speech = chosenSpeech();

  function chosenOutputs(): OutputStore {
    const { output } = vendors;
    if (output.kind === 'local') return options.diskOutputs;
    if (output.kind === 'gcs') return createStorageOutputs({ storage, bucket: output.bucket });
    if (drive === undefined)
      throw new Error('Expected DRIVE_AUTH for OUTPUT=drive, which the settings require, got none');
    return createDriveOutputs({ account: drive, folderId: output.folderId, memo });
  }

  function chosenArtifacts(): ArtifactStore {
    const { cacheBucket: bucket } = vendors;
    return bucket === undefined
      ? local
      : createStorageArtifacts({ storage, bucket, local, workDir: () => workDir(folders.temp) });
  }

  /** Cloud Run takes requests of at most 32 MB, and its instances share no disk. */
  function chosenUploads(): UploadStore {
    const { cacheBucket: bucket } = vendors;
    return config.inCloud && bucket !== undefined
      ? createStorageUploads({ storage, bucket, downloads: storageDownloads })
      : diskUploads;
  }

  function chosenSpeech(): Speech {
    const { elevenLabs, offlineVoice } = vendors;
    if (elevenLabs) return createElevenLabsSpeech({ ...elevenLabs, apiUrl: vendors.elevenLabsApiUrl });
    const espeak = open.use(createEspeakSpeech());
    return offlineVoice === undefined
      ? espeak
      : open.use(createNeuralSpeech({ dir: offlineVoice, fallback: espeak }));
  }

  return {
    outputs: chosenOutputs(),
    artifacts: chosenArtifacts(),
    wasEvicted: local.wasEvicted,
    cacheUsage: local.usage,
    uploads,
    removeOldUploads: diskUploads.removeOld,
    downloads: createSourceDownloads({
      rules: sourceRules(vendors),
      uploads,
      web: open.use(createWebDownloads({ allowPrivate: config.allowPrivateUrls, maxBytes, limits, room })),
      storage: storageDownloads,
      drive:
        drive &&
        createDriveDownloads({
          account: drive,
          maxBytes,
          room,
          anyFile: vendors.driveSources === 'account',
          ...(limits.totalMs === undefined ? {} : { totalMs: limits.totalMs }),
        }),
      driveLinkUrl: googleApiUrl && `${googleApiUrl}/download`,
    }),
    speech,
    voices: open.use(chooseVoiceCatalog({ config, speech, room })),
    sender: open.use(
      createWebhookSender({ allowPrivate: config.allowPrivateUrls, secret: webhookSecret(config) }),
    ),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
