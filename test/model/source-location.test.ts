import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  locationRefusal,
  readSourceUrl,
  type SourceLocation,
} from '../../functions/model/source-location.ts';
import { addressOf } from '../fixtures/network/source-address.ts';

const RULES = { buckets: ['clips', 'my.clips'], ownBuckets: ['own-cache', 'own-output'] };
const ID = '1AbC_dEf-GhIjKlMnOpQrStUvWxYz0123';
const RANDOM = '0123456789abcdef'.repeat(2);
const WEB = 'web';
const drive = (resourceKey: string | null = null): SourceLocation => ({ kind: 'drive', id: ID, resourceKey });
const clip = (object: string, bucket = 'clips'): SourceLocation => ({ kind: 'storage', bucket, object });

describe('an address is read', () => {
  const table: [address: string, location: SourceLocation | typeof WEB][] = [
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
    [`upload:${RANDOM}-Hook_A`, { kind: 'upload', id: `${RANDOM}-Hook_A` }],
    [` UPLOAD:${RANDOM}-クリップ `, { kind: 'upload', id: `${RANDOM}-クリップ` }],
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
  for (const [address, location] of table) {
    const how = location === WEB ? 'as anyone would' : `as ${location.kind}`;
    test(`${address} ${how}`, () => {
      const read = addressOf(address, RULES);
      if (location === WEB) assert.equal(read.location.kind, 'web');
      else assert.deepEqual(read.location, location);
      assert.equal(read.url, address, 'as it was written');
      assert.deepEqual(JSON.parse(JSON.stringify(read)), read, 'as it is stored');
      assert.equal(locationRefusal(read.location, RULES), undefined);
    });
  }

  test('a "#" as part of a name: encoded in a URL, and as it is in gs://', () => {
    const { location, name } = addressOf('https://example.com/Clip%20%231.mp4', RULES);
    assert.deepEqual(location, { kind: 'web', url: 'https://example.com/Clip%20%231.mp4', bucket: null });
    assert.equal(name, 'Clip_1');
    const { location: stored } = addressOf('gs://clips/Clip #1.mp4', RULES);
    assert.deepEqual(stored, { kind: 'storage', bucket: 'clips', object: 'Clip #1.mp4' });
  });

  test('at the URL itself, written in full', () => {
    const { location } = addressOf('https://Example.com/a b.mp4?sig=a%2Fb%23t=5', RULES);
    assert.deepEqual(location, {
      kind: 'web',
      url: 'https://example.com/a%20b.mp4?sig=a%2Fb%23t=5',
      bucket: null,
    });
  });

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
    ['gs://own-cache@clips/a.mp4', /user name or password/],
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
    ['gs://others/a.mp4', /the bucket others, which callers may not/],
    ['gs://clips', /"gs:\/\/clips"/],
    ['gs://clips/', /"gs:\/\/clips\/"/],
    ['gs:///a.mp4', /"gs:\/\/\/a.mp4"/],
    [`https://drive.google.com/drive/folders/${ID}`, /Drive folder/],
    [`https://docs.google.com/spreadsheets/d/${ID}/edit`, /Google document/],
    ['https://drive.google.com/file/d/x/view', /without the id/],
    ['https://drive.google.com/', /without the id/],
    ['https://example.com/Clip #1.mp4', /with "#", as what follows it is never sent/],
    ['https://example.com/clip.mp4?sig=a#t=5', /with "#"/],
    ['http://example.com/clip.mp4#', /with "#"/],
    ['https://storage.googleapis.com/clips/a#1.mp4', /with "#"/],
    [`https://drive.google.com/file/d/${ID}/view#x`, /with "#"/],
    ['upload:', /another text after upload:/],
    [`upload:${RANDOM}`, /another text/],
    [`upload:${RANDOM}-a/b`, /another text/],
    [`upload:${RANDOM}-a.mp4`, /another text/],
    [`upload:${RANDOM}-a?x`, /another text/],
    [`upload://${RANDOM}-a`, /another text/],
    [`upload:../${RANDOM}-a`, /another text/],
  ];
  for (const [address, got] of refused) {
    test(`${address} not at all`, () => {
      const read = readSourceUrl(address, RULES);
      assert.ok('got' in read);
      assert.match(read.got, got);
      assert.match(read.next, /\.$/);
    });
  }
});

describe('a location is checked again by the settings of who reads it', () => {
  const OPEN = { buckets: ['clips', 'own-cache'], ownBuckets: [] };
  const table: [address: string, got: RegExp][] = [
    ['gs://own-cache/a.mp4', /its own files/],
    ['https://storage.googleapis.com/own-cache/a.mp4', /its own files/],
    ['https://own-output.storage.googleapis.com/a.mp4?X-Goog-Signature=1', /its own files/],
    ['gs://clips/a.mp4', /the bucket clips, which callers may not/],
    ['https://storage.googleapis.com/clips/a.mp4', /the bucket clips, which callers may not/],
  ];
  for (const [address, got] of table) {
    test(`${address} is refused by stricter ones`, () => {
      const { location } = addressOf(address, OPEN);
      assert.match(locationRefusal(location, { ...RULES, buckets: [] })?.got ?? '', got);
    });
  }
});

describe('the name of a source', () => {
  const table: [url: string, name: string][] = [
    ['https://h/a/clip%20one.mp4', 'clip_one'],
    ['https://h/%E6%98%A5.mov', '春'],
    ['https://h/..%2F..%2Fetc%2Fpasswd', 'etc_passwd'],
    ['https://h/-rf.mp4', 'rf'],
    ['https://h/%ZZ.mp4', 'ZZ'],
    ['https://h/', 'clip'],
    ['https://h/%00.mp4', 'clip'],
    [`https://h/${'x'.repeat(60)}.mp4`, 'x'.repeat(40)],
    ['https://h/video', 'video'],
    // All links to Drive end alike.
    [`https://drive.google.com/file/d/${ID}/view?usp=sharing`, ID],
    ['https://drive.google.com/open?id=1AbCdEfGhIjKlMnOpQr', '1AbCdEfGhIjKlMnOpQr'],
    ['gs://clips/deep/hook a.mov', 'hook_a'],
    [`upload:${RANDOM}-hook_a`, 'hook_a'],
  ];
  test('of an upload is all that messages and logs show of it', () => {
    assert.equal(addressOf(`upload:${RANDOM}-hook_a`, RULES).masked, 'upload:hook_a');
  });

  for (const [url, name] of table) {
    test(`${url.slice(0, 50)} is ${name}`, () => assert.equal(addressOf(url, RULES).name, name));
  }
});
