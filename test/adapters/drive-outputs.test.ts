import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { PermanentError } from '../../functions/errors.ts';
import type { OutputFolder } from '../../functions/ports.ts';
import { numbers, TIMEOUT_MS, until } from '../contracts/harness.ts';
import { file, outputContract } from '../contracts/outputs.ts';
import { driveStage } from '../fixtures/drive-stage.ts';
import { FOLDER_TYPE, USER } from '../fixtures/drive-server.ts';

const FOREVER = new AbortController().signal;

for (const place of ['in My Drive', 'on a shared drive'] as const) {
  outputContract(`drive, ${place},`, async () => {
    const stage = await driveStage();
    const { server } = stage;
    const folderId =
      place === 'in My Drive' ? stage.folderId : server.state.addDrive({ [USER]: 'fileOrganizer' });
    return {
      store: stage.outputs({ folderId }),
      list: async ({ id }) => server.list(id).map(({ name }) => name),
      read: async ({ id }, fileName) => {
        const found = server.list(id).find(({ name }) => name === fileName);
        return server.read(found?.id ?? '').toString();
      },
      folders: async () => server.list(folderId).map(({ name }) => name),
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  });
}
