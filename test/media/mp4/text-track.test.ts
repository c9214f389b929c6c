import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { languageCode, packedLanguage } from '../../../functions/media/mp4/language.ts';
import type { Movie } from '../../../functions/media/mp4/movie.ts';
import { type Subtitle, textSamples } from '../../../functions/media/mp4/text-track.ts';
import { writeMovie } from '../../../functions/media/mp4/write-movie.ts';
import { FFMPEG } from '../../fixtures/media/finished.ts';
import { finishedBoxes, wrongBoxes } from '../../fixtures/media/finished-boxes.ts';
import { filmFacts, frameHashes } from '../../fixtures/media/measure.ts';
import { useMedia } from '../../fixtures/media/media.ts';
import { makeParts, readParts } from '../../fixtures/media/movie-parts.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
const DEBIAN = '/usr/bin/ffmpeg';
const DECODERS = [FFMPEG, ...(existsSync(DEBIAN) && FFMPEG !== DEBIAN ? [DEBIAN] : [])];
const CLIPS = [37, 83];
const SECONDS = 4;
const SHOWN: readonly Subtitle[] = [
  { start: 0.25, end: 1.1, text: 'Stop scrolling & look\nat <this>' },
  { start: 1.1, end: 2, text: '我们的新鞋子 👍🏽' },
  { start: 2.5, end: 4, text: 'שלום עולם' },
];

describe('a track of subtitles', () => {
  const { at } = useMedia();
  let parts: { clips: string[]; sound: string };
  let count = 0;
  before(async () => {
    parts = await makeParts(at(''), { clips: CLIPS, bFrames: 3 });
  });

  async function written(change: Partial<Movie> = {}) {
    const out = at(`out-${++count}.mp4`);
    return { out, facts: await writeMovie({ ...(await readParts(parts)), ...change }, out, { signal }) };
  }
  const subtitles = { shown: SHOWN, language: 'de-AT' };

  test('comes back with its texts and times in every ffmpeg, beside the same picture and sound', async () => {
    const [plain, titled] = [await written(), await written({ subtitles })];
    for (const binary of DECODERS) {
      const read = ['-nostdin', '-v', 'error', '-i', titled.out, '-map', '0:s:0', '-f', 'webvtt', '-'];
      const { stdout, stderr } = await run(binary, read);
      assert.equal(stderr, '', binary);
      assert.equal(
        stdout,
        [
          ...['WEBVTT', '', '00:00.250 --> 00:01.100', 'Stop scrolling & look', 'at <this>', ''],
          ...['00:01.100 --> 00:02.000', '我们的新鞋子 👍🏽', '', '00:02.500 --> 00:04.000', 'שלום עולם', ''],
        ].join('\n'),
        binary,
      );
      const { stderr: about } = await run(binary, [
        '-i',
        titled.out,
        '-map',
        '0',
        '-c',
        'copy',
        '-f',
        'null',
        '-',
      ]);
      assert.match(about, /Stream #0:2\S*\(deu\): Subtitle: mov_text \(tx3g/);
      assert.match(about, /Stream #0:2.*\(default\)/);
      const { complaints, even, start } = await filmFacts(titled.out, binary);
      assert.deepEqual([complaints, even, start], ['', true, 0], binary);
    }
    assert.deepEqual(await frameHashes(titled.out), await frameHashes(plain.out));
    assert.deepEqual(wrongBoxes(await finishedBoxes(titled.out)), []);
    assert.equal((await stat(titled.out)).size, titled.facts.bytes);
    assert.deepEqual({ ...titled.facts, bytes: 0 }, { ...plain.facts, bytes: 0 });
  });

  test('has no edit list, also where picture and sound have one', async () => {
    const { out, facts } = await written({ subtitles, editLists: true });
    assert.deepEqual(wrongBoxes(await finishedBoxes(out), { editLists: true }), []);
    assert.equal((await readFile(out)).toString('latin1').split('elst').length - 1, facts.editLists);
  });

  test('stands among the frames that it is shown with', async () => {
    const { out } = await written({ subtitles });
    const bytes = await readFile(out);
    const places = SHOWN.map(({ text }) => bytes.indexOf(text) / bytes.length);
    assert.deepEqual(places, places.toSorted());
    assert.ok((places[0] as number) < 0.5 && (places[2] as number) > 0.5);
  });

  test('leaves a video without it as it was', async () => {
    const { out } = await written();
    const { inside } = await finishedBoxes(out);
    assert.equal(inside.filter((type) => type === 'trak').length, 2);
  });
});

describe('textSamples', () => {
  test('fill the film from its start to its end, whatever is shown', () => {
    const { starts, lengths, samples } = textSamples(SHOWN, SECONDS);
    assert.deepEqual([...starts], [0, 250, 1100, 2000, 2500]);
    assert.deepEqual([...lengths], [250, 850, 900, 500, 1500]);
    assert.deepEqual(
      samples.map((sample) => sample.toString('utf8', 2)),
      ['', SHOWN[0]?.text, SHOWN[1]?.text, '', SHOWN[2]?.text],
    );
    const short = textSamples([{ start: 0, end: 9, text: 'a' }], 0.5);
    assert.deepEqual([[...short.starts], [...short.lengths]], [[0], [500]]);
    const late = textSamples([{ start: 0.2, end: 0.2001, text: 'a' }], 0.5);
    assert.deepEqual([...late.lengths], [500]);
  });
});

describe('languageCode', () => {
  const CODES: readonly [tag: string | undefined, code: string][] = [
    ['en', 'eng'],
    ['pt-BR', 'por'],
    ['DE', 'deu'],
    ['zh-Hant-TW', 'zho'],
    ['fil', 'fil'],
    ['iw', 'heb'],
    ['xx', 'und'],
    ['-', 'und'],
    [undefined, 'und'],
  ];
  for (const [tag, code] of CODES) {
    test(`of ${tag} is ${code}`, () => assert.equal(languageCode(tag), code));
  }

  test('is packed into two bytes', () => {
    assert.equal(packedLanguage('und').toString('hex'), '55c40000');
    assert.equal(packedLanguage('eng').toString('hex'), '15c70000');
  });
});
