/** What the error for a clip without a usable picture says. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { PermanentError } from '../../functions/base/errors.ts';
import { conformClip } from '../../functions/media/conform.ts';
import { encryptedStreams } from '../../functions/media/encryption.ts';
import { probe } from '../../functions/media/probe.ts';
import { makeFilm, makeSound } from '../fixtures/media/clips.ts';
import { box } from '../fixtures/media/containers.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';

const { signal } = new AbortController();
const { ffmpeg, at } = useMedia();
const KEYS = [
  '-encryption_key',
  '76a6c65c5ea762046bd749a2e632ccbb',
  '-encryption_kid',
  'a7e61c373e219033c21091fa607bf3b8',
];
const CENC = ['-encryption_scheme', 'cenc-aes-ctr', ...KEYS];
let count = 0;

/** The result of the file as a clip: its code and message, or "made". */
async function asClip(file: string): Promise<string> {
  const dir = at(`made-${++count}`);
  await mkdir(dir);
  const profile = plainProfile(64, 36);
  try {
    const input = {
      file,
      probe: await probe(ffmpeg, file, { signal }),
      profile,
      dir,
      threads: 1,
      maxSeconds: 10,
    };
    const { warnings } = await conformClip(ffmpeg, { ...input, signal, timeoutMs: 60_000 });
    return ['made', ...warnings].join(': ');
  } catch (error) {
    if (!PermanentError.is(error)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

async function bytesAsClip(bytes: Buffer): Promise<string> {
  const file = at(`bytes-${++count}`);
  await writeFile(file, bytes);
  return asClip(file);
}

async function film(name: string, output: readonly string[] = []): Promise<string> {
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast'];
  return makeFilm(at(name), { size: '64x36', frames: 6, output: [...x264, ...output] });
}

/** The same bytes with another text at every place where one is. */
function replaced(bytes: Buffer, from: string, to: string): Buffer {
  const copy = Buffer.from(bytes);
  for (
    let place = copy.indexOf(from, 0, 'latin1');
    place >= 0;
    place = copy.indexOf(from, place + 1, 'latin1')
  ) {
    copy.write(to, place, 'latin1');
  }
  return copy;
}

const ENTRY = '\0\0\0\0\0\0\0\x01';
const withEntry = (bytes: Buffer, from: string, to: string) =>
  replaced(bytes, `${from}${ENTRY}`, `${to}${ENTRY}`);

describe('an encrypted clip', () => {
  for (const [name, scheme] of [
    ['cenc', 'cenc'],
    ['cbcs', 'cbcs'],
  ] as const) {
    test(`of Common Encryption says so: ${scheme}`, async () => {
      const bytes = await readFile(await film(`${name}.mp4`, CENC));
      const said = await bytesAsClip(replaced(bytes, 'schm\0\0\0\0cenc', `schm\0\0\0\0${scheme}`));
      assert.match(
        said,
        new RegExp(
          `^no_video: .*picture is encrypted \\(Common Encryption, ${scheme}\\)\\. Send a file without`,
        ),
      );
    });
  }

  test('in fragments says so, whether the build can open it or not', async () => {
    const file = await film('fragments.mp4', [...CENC, '-movflags', '+frag_keyframe+empty_moov']);
    assert.match(
      await asClip(file),
      /^(no_video|media_unreadable): .*encrypted.*\(Common Encryption, cenc\)/,
    );
  });

  test('of the iTunes Store says so', async () => {
    const bytes = await readFile(await film('plain.mp4'));
    assert.match(await bytesAsClip(withEntry(bytes, 'avc1', 'drmi')), /^no_video: .*encrypted \(FairPlay\)/);
  });

  test('behind any number of other boxes says so', async () => {
    const bytes = await readFile(await film('plain.mp4'));
    const many = Buffer.concat(Array.from({ length: 30_000 }, () => box('free')));
    const file = at('many.mp4');
    await writeFile(file, Buffer.concat([many, withEntry(bytes, 'avc1', 'drmi')]));
    assert.deepEqual([...(await encryptedStreams(file)).values()], ['FairPlay']);
  });

  test('whose sound alone is encrypted keeps its picture', async () => {
    const bytes = withEntry(await readFile(await film('plain.mp4')), 'mp4a', 'enca');
    const file = at('enca.mp4');
    await writeFile(file, bytes);
    assert.match(
      await asClip(file),
      /^made: .* aac \(LC\), which is encrypted \(Common Encryption\): the clip is silent\. Send a file without encryption \(DRM\), or set/,
    );
  });

  test('as a scrambled transport stream says so; with scrambled sound alone it keeps its picture', async () => {
    const bytes = await readFile(await film('plain.ts'));
    assert.match(
      await bytesAsClip(scrambled(bytes, [0x100, 0x101])),
      /^no_video: .*encrypted \(a scrambled transport stream\)/,
    );
    assert.match(
      await bytesAsClip(scrambled(bytes, [0x100])),
      /^no_video: .*encrypted \(a scrambled transport stream\)/,
    );
    assert.match(await bytesAsClip(scrambled(bytes, [0x101])), /^made/);
  });
});

/** Marks the packets of these streams as scrambled, and overwrites what they carry. */
function scrambled(bytes: Buffer, ids: readonly number[]): Buffer {
  const copy = Buffer.from(bytes);
  for (let packet = 0; packet < copy.length; packet += 188) {
    if (!ids.includes(copy.readUInt16BE(packet + 1) & 0x1fff)) continue;
    const flags = copy[packet + 3] as number;
    const start = packet + 4 + (flags & 0x20 ? 1 + (copy[packet + 4] as number) : 0);
    copy[packet + 3] = flags | 0x80;
    for (let place = start; place < packet + 188; place++) copy[place] = (place * 167) & 0xff;
  }
  return copy;
}

describe('a picture that no decoder reads', () => {
  for (const [letters, name] of [
    ['aprn', 'ProRes RAW \\("aprn"\\)'],
    ['aprh', 'ProRes RAW HQ \\("aprh"\\)'],
    ['braw', 'Blackmagic RAW \\("braw"\\)'],
    ['XyZ9', '"XyZ9"'],
    ['\x01\x02\x03\xff', 'something unknown'],
    ['a"<b', '"a\\\\"<b"'],
  ] as const) {
    test(`is named: ${JSON.stringify(letters)}`, async () => {
      const bytes = await readFile(await film('plain.mp4'));
      const said = await bytesAsClip(withEntry(bytes, 'avc1', letters));
      assert.match(
        said,
        new RegExp(`^no_video: .*a picture coded as ${name}, which no decoder here reads\\. Export it as`),
      );
    });
  }

  // Builds differ in whether they know these.
  for (const [letters, name] of [
    ['vvc1', /H\.266 \(VVC\)/],
    ['evc1', /EVC/],
    ['apv1', /APV/],
  ] as const) {
    test(`is named, whether the build knows it or not: ${letters}`, async () => {
      const bytes = await readFile(await film('plain.mp4'));
      const said = await bytesAsClip(withEntry(bytes, 'avc1', letters));
      assert.match(said, /^(no_video|media_unreadable): .*Export it as MP4 \(H\.264\) or ProRes 422\.$/);
      assert.match(said, name);
    });
  }
});

describe('a file without a picture', () => {
  test('of sound alone says so', async () => {
    const said = await asClip(await makeSound(at('sound.mp3'), { seconds: 0.3 }));
    assert.match(said, /^no_video: .*a file of sound alone\. Send a video, or use the file as a track\.$/);
    assert.match(await asClip(await makeSound(at('sound.wav'), { seconds: 0.3 })), /a file of sound alone/);
  });

  test('but cover art says that this does not count', async () => {
    const sound = await makeSound(at('plain.m4a'), { seconds: 0.3 });
    const art = [
      '-f',
      'lavfi',
      '-i',
      'color=c=red:s=64x64:d=0.04',
      '-map',
      '0:a',
      '-map',
      '1:v',
      '-frames:v',
      '1',
    ];
    const file = at('cover.m4a');
    await run('-i', sound, ...art, '-c:a', 'copy', '-c:v', 'mjpeg', '-disposition:v', 'attached_pic', file);
    assert.match(await asClip(file), /^no_video: .*sound with cover art, which does not count/);
  });

  test('of subtitles alone says so', async () => {
    await writeFile(at('words.srt'), '1\n00:00:00,000 --> 00:00:02,000\nhello\n');
    await run('-i', at('words.srt'), '-c:s', 'srt', at('words.mkv'));
    assert.match(await asClip(at('words.mkv')), /^no_video: .*a file of subtitles alone/);
  });
});

test('texts of a file never become names in an error', async () => {
  const bytes = await readFile(
    await film('titled.mp4', [
      '-metadata',
      'title=\n[mov @ 0x1] Could not find codec parameters for stream 0 (Video: vvc (EVIL',
      '-metadata',
      'comment=  Stream #0:0: Video: none (EVIL / 0x4C495645)',
    ]),
  );
  const said = await bytesAsClip(withEntry(bytes, 'avc1', 'aprn'));
  assert.match(said, /ProRes RAW/);
  assert.doesNotMatch(said, /EVIL|VVC/);
});
