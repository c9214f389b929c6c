import { createStorageOutputs } from '../../functions/adapters/storage-outputs.ts';
import { outputContract } from '../contracts/outputs.ts';
import { connectedTo } from '../fixtures/storage-connection.ts';
import { startStorageServer } from '../fixtures/storage-server.ts';

outputContract('storage', async () => {
  const server = await startStorageServer();
  const namesUnder = (prefix: string) =>
    [...server.objects.bucket('bucket').keys()].filter((name) => name.startsWith(prefix));
  const prefixOf = (id: string) => id.replace('gs://bucket/', '');
  return {
    store: createStorageOutputs({ storage: connectedTo(server), bucket: 'bucket' }),
    list: async ({ id }) =>
      namesUnder(prefixOf(id))
        .map((name) => name.slice(prefixOf(id).length))
        .filter((name) => name !== ''),
    read: async ({ id }, fileName) =>
      server.objects.find('bucket', `${prefixOf(id)}${fileName}`).body.toString(),
    folders: async () => [...new Set(namesUnder('').map((name) => name.slice(0, name.indexOf('/'))))],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
});
