import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RequestError } from '../../functions/base/errors.ts';
import { readRequest, type ValidRequest } from '../../functions/model/request.ts';
import { PLAIN_OUTPUT, PLAIN_SOUND } from '../fixtures/media/plain-choices.ts';
import { addressOf } from '../fixtures/network/source-address.ts';

const A = 'https://example.com/a.mp4';
const B = 'https://example.com/b.mp4';
const valid = { task_name: 'spring sale', video_blocks: { block1: [A, B], block2: [B] } };

const SOURCES = { buckets: ['clips'], ownBuckets: ['cache'] };

function read(body: unknown, combinations = 1000): ValidRequest {
  return readRequest(body, { combinations, sources: SOURCES });
}

/** Pointers of the mistakes, in the order reported. */
function mistakes(body: unknown, combinations = 1000): Record<string, string> {
  try {
    read(body, combinations);
  } catch (error) {
    assert.ok(RequestError.is(error), String(error));
    assert.equal(error.code, 'invalid_request');
    const pointers = error.mistakes.map(({ pointer }) => pointer);
    assert.equal(new Set(pointers).size, pointers.length, 'each mistake is reported once');
    return Object.fromEntries(error.mistakes.map(({ pointer, message }) => [pointer, message]));
  }
  return {};
}

function nested(levels: number): object {
  return levels === 0 ? {} : { inner: nested(levels - 1) };
}

describe('a valid request', () => {
  test('keeps blocks in their written order', () => {
    assert.deepEqual(read(valid).blocks, [
      { name: 'block1', clips: [addressOf(A), addressOf(B)] },
      { name: 'block2', clips: [addressOf(B)] },
    ]);
  });

  test('accepts a list of blocks, which keeps the order even for names that look like numbers', () => {
    const list = [
      { name: '2', urls: [A] },
      { name: '1', urls: [B] },
    ];
    assert.deepEqual(read({ ...valid, video_blocks: list }).blocks, [
      { name: '2', clips: [addressOf(A)] },
      { name: '1', clips: [addressOf(B)] },
    ]);
  });

  test('pools the URLs of all audio blocks', () => {
    assert.deepEqual(read({ ...valid, audio_blocks: { a: [A], b: [B] } }).tracks, [
      addressOf(A),
      addressOf(B),
    ]);
  });

  for (const field of ['text_to_speech', 'text_to_speach']) {
    test(`reads lines from ${field}`, () => {
      const lines = [{ text: 'Hello', voice: 'Sarah' }];
      assert.deepEqual(read({ ...valid, [field]: lines }).lines, lines);
    });
  }

  test("drops the clips' own sound and ducks the music by default", () => {
    const rest = { loudness: -14, musicDb: 0, musicFadeInSeconds: 0, musicFadeOutSeconds: 1 };
    assert.deepEqual(read(valid).sound, { ...PLAIN_SOUND, ...rest });
    assert.deepEqual(read({ ...valid, audio: { original_volume: 0.5, duck: false } }).sound, {
      originalVolume: 0.5,
      duck: false,
      voiceOffsetSeconds: 0,
      ...rest,
    });
    const late = read({ ...valid, audio: { voice_offset_seconds: 1.5 } });
    assert.equal(late.sound.voiceOffsetSeconds, 1.5);
  });

  test('takes size and rate from the first clip, and black bars, unless told otherwise', () => {
    assert.deepEqual(read(valid).output, PLAIN_OUTPUT);
    const output = {
      width: 64,
      height: 66,
      fps: 25,
      fit: 'contain',
      background: '#AABBCC',
      still_seconds: 1,
    };
    assert.deepEqual(read({ ...valid, output }).output, {
      width: 64,
      height: 66,
      fps: 25,
      fit: 'contain',
      background: '#aabbcc',
      stillSeconds: 1,
    });
  });

  test('warns about a URL that occurs twice in a block, and about videos without any sound', () => {
    const warnings = read({ ...valid, video_blocks: { b: [A, A] } }).warnings;
    assert.equal(warnings.length, 2);
    assert.match(warnings[0] ?? '', /more than once/);
    const signed = read({ ...valid, video_blocks: { b: [`${A}?sig=s3cret`, `${A}?sig=s3cret`] } }).warnings;
    assert.match(signed[0] ?? '', /a\.mp4\?\*\*\* more than once/);
    assert.match(warnings[1] ?? '', /silent track/);
    assert.deepEqual(read({ ...valid, audio: { original_volume: 0.1 } }).warnings, []);
    assert.deepEqual(read({ ...valid, metadata: nested(30) }).metadata, nested(30));
  });
});

describe('the targets of a request', () => {
  const loud = { ...valid, audio: { original_volume: 1 } };
  const warnings = (change: object) => read({ ...loud, ...change }).warnings;

  test('are in one order, whatever the order in the request, and absent without them', () => {
    assert.deepEqual(read({ ...loud, targets: ['shorts', 'reels'] }).targets, ['reels', 'shorts']);
    assert.equal('targets' in read(loud), false);
  });

  test('warn of written limits that the chosen picture misses, at their edge', () => {
    const size = (width: number, height: number) => ({ targets: ['tiktok'], output: { width, height } });
    assert.deepEqual(warnings(size(540, 960)), []);
    assert.deepEqual(warnings(size(538, 960)), [
      'Target tiktok will miss size: expected at least 540x960, 640x640 or 960x540, got 538x960. ' +
        'Set output.width and output.height, for example to 1080 and 1920.',
    ]);
    assert.deepEqual(warnings({ ...size(1920, 1080), targets: ['reels'] }), []);
    assert.match(warnings({ ...size(1922, 1080), targets: ['reels'] })[0] ?? '', /reels will miss columns/);
    assert.deepEqual(warnings({ ...size(1080, 1080), targets: ['shorts'] }), []);
    assert.match(
      warnings({ ...size(1082, 1080), targets: ['shorts'] })[0] ?? '',
      /shorts will miss aspect_ratio/,
    );
  });

  test('warn of edit lists and of a silent track where platforms want neither', () => {
    const lists = warnings({ targets: ['reels', 'tiktok'], output: { edit_lists: true } });
    assert.deepEqual(lists, [
      'Target reels will miss edit_lists: expected no edit lists, got edit lists. Leave out output.edit_lists.',
    ]);
    const silent = read({ ...valid, targets: ['reels', 'tiktok'] }).warnings;
    assert.match(
      silent[1] ?? '',
      /^Target tiktok will miss sound: expected sound, got silence\. Add audio_blocks/,
    );
    assert.equal(silent.length, 2);
  });

  test('do not warn of advice, and of nothing that is not chosen', () => {
    assert.deepEqual(warnings({ targets: ['reels', 'tiktok', 'shorts', 'demand_gen'] }), []);
    assert.deepEqual(warnings({ targets: ['demand_gen'], output: { width: 640, height: 360, fps: 60 } }), []);
  });
});

describe('a request with mistakes', () => {
  test('five mistakes are reported, and no others', () => {
    const found = mistakes({
      task_name: '',
      video_blocks: { block1: [], block2: ['not a url'] },
      text_to_speach: [{ text: 'Hello' }],
      seeed: 7,
    });
    assert.deepEqual(Object.keys(found).sort(), [
      '/seeed',
      '/task_name',
      '/text_to_speach/0/voice',
      '/video_blocks/block1',
      '/video_blocks/block2/0',
    ]);
  });

  test('names every entry of a list that came before, and each mistake once', () => {
    const found = mistakes({ ...valid, targets: ['reels', 'tiktok', 'reels', 'tiktok'] });
    assert.deepEqual(Object.keys(found), ['/targets/2', '/targets/3']);
    assert.match(found['/targets/3'] ?? '', /got "tiktok" again/);
    const unknown = mistakes({ ...valid, targets: ['vimeo', 'vimeo'] });
    assert.deepEqual(Object.keys(unknown).sort(), ['/targets/0', '/targets/1']);
  });

  const table: [what: string, change: object, pointer: string, message: RegExp][] = [
    [
      'no video blocks',
      { video_blocks: {} },
      '/video_blocks',
      /Expected 1-10 video blocks, got an empty object/,
    ],
    ['an empty list of blocks', { video_blocks: [] }, '/video_blocks', /Expected 1-10 video blocks/],
    [
      'a string that is not a URL',
      { video_blocks: { b: ['clip.mp4'] } },
      '/video_blocks/b/0',
      /got "clip.mp4"/,
    ],
    [
      'a number instead of a URL',
      { video_blocks: { b: [5] } },
      '/video_blocks/b/0',
      /Expected an http\(s\), gs:\/\/ or upload: URL, got 5/,
    ],
    ['another scheme', { video_blocks: { b: ['ftp://h/a.mp4'] } }, '/video_blocks/b/0', /scheme "ftp:"/],
    ['a local file', { video_blocks: { b: ['file:///etc/passwd'] } }, '/video_blocks/b/0', /scheme "file:"/],
    [
      'a document of Google Drive',
      { video_blocks: { b: ['https://docs.google.com/document/d/1234567890abcdefghij'] } },
      '/video_blocks/b/0',
      /got a link to a Google document\. Link a video/,
    ],
    [
      'metadata that is longer in answers than in the request',
      { metadata: JSON.parse(`{"a":[${'1e20,'.repeat(5_000)}1]}`) },
      '/metadata',
      /at most 64 KB as JSON, got 1\d\d KB/,
    ],
    ['metadata nested too deeply', { metadata: nested(33) }, '/metadata', /at most 32 levels/],
    [
      'a bucket that callers may not read from',
      { video_blocks: { b: ['gs://private/a.mp4'] } },
      '/video_blocks/b/0',
      /the bucket private, .* Add it to SOURCE_BUCKETS/,
    ],
    [
      'a bucket of the service itself',
      { video_blocks: { b: ['https://cache.storage.googleapis.com/a.mp4'] } },
      '/video_blocks/b/0',
      /this service keeps its own files/,
    ],
    ['a bucket alone', { video_blocks: { b: ['gs://clips/'] } }, '/video_blocks/b/0', /gs:\/\/bucket\/path/],
    [
      'a folder of Google Drive',
      { video_blocks: { b: ['https://drive.google.com/drive/folders/1234567890abcdefghij'] } },
      '/video_blocks/b/0',
      /got a link to a Drive folder/,
    ],
    [
      'a password in a URL',
      { video_blocks: { b: ['https://u:secret@h/a'] } },
      '/video_blocks/b/0',
      /^(?!.*secret).*got one with a user name or password/,
    ],
    [
      'a user name before a bucket',
      { video_blocks: { b: ['gs://secret@clips/a.mp4'] } },
      '/video_blocks/b/0',
      /^(?!.*secret).*got one with a user name or password/,
    ],
    [
      'a password in something that is not a URL',
      { video_blocks: { b: ['https://u:secret@h h/?sig=secret'] } },
      '/video_blocks/b/0',
      /^(?!.*secret).*got "https:\/\/\*\*\*@h h\/\?\*\*\*"/,
    ],
    [
      'a port that is not for the web',
      { video_blocks: { b: ['http://h:25/a.mp4'] } },
      '/video_blocks/b/0',
      /got one with port 25/,
    ],
    ['an empty audio block', { audio_blocks: { a: [] } }, '/audio_blocks/a', /got an empty list/],
    ['an empty list of lines', { text_to_speech: [] }, '/text_to_speech', /Expected a list of 1-/],
    [
      'a blank text',
      { text_to_speech: [{ text: ' ', voice: 'a' }] },
      '/text_to_speech/0/text',
      /Expected a text/,
    ],
    ['a fraction as seed', { seed: 1.5 }, '/seed', /whole number/],
    ['an odd width', { output: { width: 1081, height: 1920 } }, '/output/width', /even width/],
    ['width alone', { output: { width: 1080 } }, '/output/height', /together/],
    ['an unusual rate', { output: { fps: 31 } }, '/output/fps', /23.976, 24, 25, 29.97/],
    [
      'an unknown target',
      { targets: ['reels', 'tik-tok'] },
      '/targets/1',
      /got "tik-tok"\. Did you mean tiktok\?$/,
    ],
    [
      'a target that is like no other',
      { targets: ['vimeo'] },
      '/targets/0',
      /^Expected reels, tiktok, shorts, demand_gen, got "vimeo"\. Choose/,
    ],
    [
      'a target that comes twice',
      { targets: ['reels', 'reels'] },
      '/targets/1',
      /^Expected each entry once, got "reels" again\. Remove it\.$/,
    ],
    ['no targets in a list', { targets: [] }, '/targets', /^Expected a list of reels/],
    ['a target outside of a list', { targets: 'reels' }, '/targets', /^Expected a list of reels/],
    ['a misspelt fit', { output: { fit: 'contian' } }, '/output/fit', /Did you mean contain\?$/],
    ['an unknown fit', { output: { fit: 'stretch' } }, '/output/fit', /contain, cover or blur/],
    ['a colour by name', { output: { background: 'red' } }, '/output/background', /#rrggbb/],
    [
      'a background for a fit without bars',
      { output: { fit: 'cover', background: '#ff0000' } },
      '/output/background',
      /with fit contain only, got one with cover/,
    ],
    ['a still shown for 0 seconds', { output: { still_seconds: 0 } }, '/output/still_seconds', /0.1 to 600/],
    [
      'a voice before the start',
      { audio: { voice_offset_seconds: -1 } },
      '/audio/voice_offset_seconds',
      /0 to 600/,
    ],
    ['a volume over 1', { audio: { original_volume: 2 } }, '/audio/original_volume', /from 0 to 1/],
    ['a number in quotes', { seed: '7' }, '/seed', /got "7"\. Write it without quotes\./],
    [
      'a path of a Windows disk',
      { video_blocks: { b: ['C:\\clips\\a.mp4'] } },
      '/video_blocks/b/0',
      /got the path of a file on a disk\. Upload/,
    ],
    ['a callback of another scheme', { callback_url: 'gs://b/x' }, '/callback_url', /got the scheme "gs:"/],
    ['a callback that is no URL', { callback_url: 'hooks' }, '/callback_url', /got no URL\. Write it as/],
    [
      'a callback with a password',
      { callback_url: 'https://a:b@h/' },
      '/callback_url',
      /a user name or password/,
    ],
    ['a callback with a fragment', { callback_url: 'https://h/x#y' }, '/callback_url', /write %23/],
    ['a callback to a mail server', { callback_url: 'https://h:25/' }, '/callback_url', /not a web port/],
    ['an empty callback', { callback_url: '' }, '/callback_url', /your server takes events/],
    [
      'a string as dry_run',
      { dry_run: 'true' },
      '/dry_run',
      /true or false, got "true"\. Write it without quotes/,
    ],
    ['an unknown field', { audio_block: {} }, '/audio_block', /Did you mean audio_blocks\?/],
    ['an unknown field without a similar name', { zzz: 1 }, '/zzz', /Remove it/],
  ];
  for (const [what, change, pointer, message] of table) {
    test(what, () => {
      const found = mistakes({ ...valid, ...change });
      assert.deepEqual(Object.keys(found), [pointer]);
      assert.match(found[pointer] ?? '', message);
    });
  }

  test('a misspelt required field is one mistake', () => {
    const { video_blocks, ...rest } = valid;
    assert.deepEqual(Object.keys(mistakes({ ...rest, video_block: video_blocks })), ['/video_block']);
  });

  test('both spellings of the lines', () => {
    const lines = [{ text: 'Hello', voice: 'Sarah' }];
    const found = mistakes({ ...valid, text_to_speech: lines, text_to_speach: lines });
    assert.match(found['/text_to_speach'] ?? '', /same field/);
  });

  test('more combinations than allowed, together with another mistake', () => {
    const found = mistakes({ ...valid, seed: -1 }, 1);
    assert.match(found['/video_blocks'] ?? '', /at most 1 videos, got 2: 2 combinations \(2 x 1\)/);
    assert.ok(found['/seed']);
  });

  test('eleven blocks', () => {
    const blocks = Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`block ${at}`, [A]]));
    assert.match(
      mistakes({ ...valid, video_blocks: blocks })['/video_blocks'] ?? '',
      /Expected 1-10 video blocks/,
    );
  });

  test('two blocks with the same name', () => {
    const list = [
      { name: 'a', urls: [A] },
      { name: 'a', urls: [B] },
    ];
    assert.deepEqual(Object.keys(mistakes({ ...valid, video_blocks: list })), ['/video_blocks/1/name']);
  });

  for (const body of [null, 5, 'text', []]) {
    test(`a body that is ${JSON.stringify(body)}`, () => {
      assert.deepEqual(Object.keys(mistakes(body)), ['']);
    });
  }

  test('a pointer escapes characters that would break it', () => {
    assert.deepEqual(Object.keys(mistakes({ ...valid, video_blocks: { 'a/b~c': ['x'] } })), [
      '/video_blocks/a~1b~0c/0',
    ]);
  });
});
