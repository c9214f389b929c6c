import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type SourceLocation, sourceLocation } from '../../functions/model/source-url.ts';

const RULES = { buckets: ['clips', 'my.clips'], ownBuckets: ['own-cache', 'own-output'] };
const ID = '1AbC_dEf-GhIjKlMnOpQrStUvWxYz0123';
const WEB: SourceLocation = { kind: 'web' };
const drive = (resourceKey?: string): SourceLocation => ({ kind: 'drive', id: ID, resourceKey });
const clip = (object: string, bucket = 'clips'): SourceLocation => ({ kind: 'storage', bucket, object });

describe('an address is read', () => {
  const table: [address: string, way: SourceLocation][] = [
    ['https://example.com/a.mp4', WEB],
    ['http://example.com/file/d/1AbC_dEf-GhIjKlMnOpQrStUvWxYz0123/view', WEB],
    ['gs://clips/a.mp4', clip('a.mp4')],
    ['gs://clips/deep/ä b?#%20.mov', clip('deep/ä b?#%20.mov')],
    ['gs://my.clips/a.mp4', clip('a.mp4', 'my.clips')],
    ['https://storage.googleapis.com/clips/deep/a%20b.mp4', clip('deep/a b.mp4')],
    ['https://storage.cloud.google.com/clips/a.mp4', clip('a.mp4')],
    ['https://clips.storage.googleapis.com/deep/a.mp4', clip('deep/a.mp4')],
    ['https://my.clips.storage.googleapis.com/a.mp4', clip('a.mp4', 'my.clips')],
    ['https://storage.googleapis.com/storage/v1/b/clips/o/deep%2Fa.mp4?alt=media', clip('deep/a.mp4')],
    ['https://www.googleapis.com/download/storage/v1/b/clips/o/a.mp4?alt=media', clip('a.mp4')],
    ['GS://clips/a.mp4', clip('a.mp4')],
    [' gs://clips/a.mp4', clip('a.mp4')],
    ['https://content.googleapis.com/storage/v1/b/clips/o/a.mp4', clip('a.mp4')],
    ['https://storage.googleapis.com./clips/a.mp4', clip('a.mp4')],
    // Objects in other buckets are readable only if they are public or the URL is signed.
    ['https://storage.googleapis.com/others/a.mp4', WEB],
    ['https://storage.googleapis.com/clips/a.mp4?X-Goog-Signature=1&X-Goog-Date=2', WEB],
    ['https://clips.storage.googleapis.com/a.mp4?Expires=1&Signature=2&GoogleAccessId=3', WEB],
    ['https://storage.googleapis.com/storage/v1/b/clips%2F..%2F..%2Fb%2Fown-cache/o/a', WEB],
    ['https://storage.googleapis.com/', WEB],
    ['https://storage.googleapis.com/clips', WEB],
    ['https://www.googleapis.com/drive/v3/files/x?alt=media', WEB],
    ['https://storage.googleapis.com.example.com/own-cache/a.mp4', WEB],
    [`https://drive.google.com/file/d/${ID}/view?usp=sharing`, drive()],
    [`https://drive.google.com/file/u/1/d/${ID}/view`, drive()],
    [`https://drive.google.com/file/d/${ID}/view?resourcekey=0-k_y`, drive('0-k_y')],
    [`https://drive.google.com/open?id=${ID}`, drive()],
    [`https://drive.google.com./open?id=${ID}&resourcekey=%0d%0aX`, drive()],
    [`https://drive.google.com/uc?export=download&id=${ID}`, drive()],
    [`https://docs.google.com/file/d/${ID}/edit`, drive()],
    [`https://drive.usercontent.google.com/download?id=${ID}&confirm=t`, drive()],
  ];
  for (const [address, way] of table) {
    test(`${address} ${way.kind === 'web' ? 'as anyone would' : `by an account of ${way.kind}`}`, () => {
      assert.deepEqual(sourceLocation(address, RULES), way);
    });
  }

  const refused: [address: string, got: RegExp][] = [
    ['gs://own-cache/a', /its own files/],
    ['gs://own-output/task/0001.mp4', /its own files/],
    ['https://storage.googleapis.com/own-output/task/0001.mp4', /its own files/],
    ['https://own-output.storage.googleapis.com/task/0001.mp4?X-Goog-Signature=1', /its own files/],
    ['https://storage.googleapis.com/storage/v1/b/own%2Dcache/o/a?alt=media', /its own files/],
    ['https://STORAGE.googleapis.com/own-cache/a', /its own files/],
    ['GS://own-cache/a', /its own files/],
    ['https://storage.googleapis.com./own-cache/a', /its own files/],
    ['https://own-cache.storage.googleapis.com./a', /its own files/],
    ['https://storage.googleapis.com//own-cache/a', /its own files/],
    ['https://commondatastorage.googleapis.com/own-cache/a', /its own files/],
    ['https://content.googleapis.com/storage/v1/b/own-cache/o/a', /its own files/],
    // No URL may lead Google's clients to another bucket or host.
    ['gs://own-cache@clips/a.mp4', /the bucket own-cache@clips/],
    ['gs://clips:443/a.mp4', /the bucket clips:443/],
    ['gs://clips%2f..%2fown-cache/a.mp4', /the bucket clips%2f\.\.%2fown-cache/],
    ['gs://clips?x/a.mp4', /the bucket clips\?x/],
    ['gs://clips#x/a.mp4', /the bucket clips#x/],
    ['https://drive.google.com/file/d/..%2F..%2Fabout/view', /without the id/],
    ['https://drive.google.com/open?id=../../drives/0123456789', /without the id/],
    ['https://drive.google.com/open?id=1234567890%3Falt=media', /without the id/],
    ['https://drive.google.com/open?id=1234567890%23@169.254.169.254', /without the id/],
    ['gs://clips/..', /"gs:\/\/clips\/.."/],
    ['gs://clips/.', /"gs:\/\/clips\/."/],
    ['gs:/clips/a.mp4', /"gs:\/clips/],
    ['gs:clips/a.mp4', /"gs:clips/],
    ['https://storage.googleapis.com/clips/a.mp4?generation=5', /one version/],
    ['gs://others/a.mp4', /the bucket others, which is not one/],
    ['gs://clips', /"gs:\/\/clips"/],
    ['gs://clips/', /"gs:\/\/clips\/"/],
    ['gs:///a.mp4', /"gs:\/\/\/a.mp4"/],
    [`https://drive.google.com/drive/folders/${ID}`, /Drive folder/],
    [`https://docs.google.com/spreadsheets/d/${ID}/edit`, /Google document/],
    ['https://drive.google.com/file/d/x/view', /without the id/],
    ['https://drive.google.com/', /without the id/],
  ];
  for (const [address, got] of refused) {
    test(`${address} not at all`, () => {
      const way = sourceLocation(address, RULES);
      assert.ok(way.kind === 'refused', way.kind);
      assert.match(way.got, got);
      assert.match(way.next, /\.$/);
    });
  }
});
