/** Flashes and beeps of written videos, played by what is at hand, beside the same films as ffmpeg writes them. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import { writeMovie } from '../../../functions/media/mp4/write-movie.ts';
import { concatList } from '../../bench/bare-mix.ts';
import { FFMPEG, ffmpeg } from '../../fixtures/media/finished.ts';
import {
  chromiumPlays,
  ffmpegPlays,
  gstreamerPlays,
  IN_GSTREAMER,
  lags,
} from '../../fixtures/media/flash-beep.ts';
import { useMedia } from '../../fixtures/media/media.ts';
import { MP4_SUITES, makeParts, readParts } from '../../fixtures/media/movie-parts.ts';
import { IN_CHROMIUM, startBrowser } from '../../fixtures/system/chromium.ts';
import { sampled, unlessTurn } from '../../fixtures/system/sample.ts';

const DEBIAN = '/usr/bin/ffmpeg';
const SIZE = { width: 128, height: 72 };
/** Of the film of 4 s. The first beep has its encoder's run-up cut off, so that it fades in. */
const SECONDS = [1, 2, 3];
const FLASHES = [0, 30, 60, 90];
/** 1 ms at 48 kHz. */
const MOST_SAMPLES = 48;
const FORMS = ['ours', 'ours with edit lists', "ffmpeg's"] as const;
type Form = (typeof FORMS)[number];

for (const bFrames of sampled([0, 3], 2, 'players')) {
  describe(`sound and picture of a film with ${bFrames} B-frames in a row are where they were`, {
    skip: unlessTurn(MP4_SUITES, 'players'),
  }, () => {
    const { at } = useMedia();
    const files: Record<Form, string> = { ours: '', 'ours with edit lists': '', "ffmpeg's": '' };

    before(async () => {
      const parts = await makeParts(at(''), { clips: [37, 83], bFrames });
      for (const editLists of [false, true]) {
        const out = at(editLists ? 'edited.mp4' : 'plain.mp4');
        await writeMovie(await readParts(parts, { editLists }), out, {
          signal: new AbortController().signal,
        });
        files[editLists ? 'ours with edit lists' : 'ours'] = out;
      }
      files["ffmpeg's"] = at('ffmpeg.mp4');
      await writeFile(at('list'), concatList(parts.clips));
      await ffmpeg(
        ...['-f', 'concat', '-safe', '0', '-i', at('list'), '-i', parts.sound, '-map', '0:v', '-map', '1:a'],
        ...['-c', 'copy', '-video_track_timescale', '30000', '-movie_timescale', '30000', files["ffmpeg's"]],
      );
    });

    const assertSame = (found: Record<Form, number[]>) => {
      for (const [at, second] of SECONDS.entries()) {
        const before = found["ffmpeg's"][at] as number;
        for (const form of FORMS) {
          const lag = found[form][at] as number;
          assert.ok(Math.abs(before) < MOST_SAMPLES, `ffmpeg's: ${before} samples late at ${second} s`);
          assert.ok(
            Math.abs(lag - before) < MOST_SAMPLES,
            `${form}: ${lag} samples late at ${second} s, ${before} before`,
          );
        }
      }
    };
    const inEach = async <T>(play: (file: string) => Promise<T>) =>
      Object.fromEntries(
        await Promise.all(FORMS.map(async (form) => [form, await play(files[form])] as const)),
      ) as Record<Form, T>;

    for (const binary of [FFMPEG, DEBIAN]) {
      test(`in ${binary === FFMPEG ? 'our ffmpeg' : "Debian's"}`, {
        skip: existsSync(binary) ? false : `Needs ${DEBIAN}`,
      }, async (t) => {
        const found = await inEach(async (file) => {
          const { sound, flashes } = await ffmpegPlays(binary, file);
          assert.deepEqual(flashes, FLASHES, file);
          return lags(sound, SECONDS);
        });
        t.diagnostic(JSON.stringify(found));
        assertSame(found);
        assert.deepEqual(found.ours, [0, 0, 0]);
      });
    }

    test('in GStreamer', IN_GSTREAMER, async (t) => {
      const found = await inEach(async (file) => {
        const { sound, flashes } = await gstreamerPlays(file, SIZE);
        assert.deepEqual(flashes, FLASHES, file);
        return lags(sound, SECONDS);
      });
      t.diagnostic(JSON.stringify(found));
      assertSame(found);
    });

    test('in Chromium', IN_CHROMIUM, async (t) => {
      await using browser = await startBrowser();
      const found = { ours: [], 'ours with edit lists': [], "ffmpeg's": [] } as Record<Form, number[]>;
      for (const form of FORMS) {
        const { sound, flashes, complaint } = await chromiumPlays(browser.page, files[form], SECONDS);
        assert.equal(complaint, null);
        for (const [number, [earlier, shown]] of flashes.entries()) {
          const second = SECONDS[number] as number;
          assert.deepEqual([earlier?.white, shown?.white], [false, true], `${form}, ${second} s`);
          assert.ok(Math.abs((shown?.mediaTime ?? 0) - second) < 0.001, `${form}: ${shown?.mediaTime} s`);
        }
        found[form] = lags(sound, SECONDS);
      }
      t.diagnostic(JSON.stringify(found));
      assertSame(found);
    });
  });
}
