import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createFfmpeg } from '../../functions/media/ffmpeg.ts';
import { decodeSound } from '../../functions/media/track-sound.ts';
import type { Line } from '../../functions/model/plan.ts';
import type { Speech } from '../../functions/ports/speech.ts';
import { FFMPEG } from '../fixtures/media/finished.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { TIMEOUT_MS } from './harness.ts';

export interface SpeechHarness extends AsyncDisposable {
  speech: Speech;
  /** Two voices that it has. */
  voices: readonly [string, string];
}

const FOREVER = new AbortController().signal;
const TEXT = 'Hello world,\nthis is  what we sell.';

export function speechContract(name: string, open: () => Promise<SpeechHarness>): void {
  describe(`${name} speaks lines`, { timeout: TIMEOUT_MS }, () => {
    it('has the same identity for a voice whatever the text, and a different one for another voice', async () => {
      await using harness = await open();
      const { speech, voices } = harness;
      const identity = (line: Line) => speech.identity(line, FOREVER);
      const first = await identity({ text: TEXT, voice: voices[0] });
      assert.ok(first.length > 1);
      assert.deepEqual(await identity({ text: TEXT, voice: voices[0] }), first);
      assert.deepEqual(await identity({ text: 'Another text', voice: voices[0] }), first);
      assert.notDeepEqual(await identity({ text: TEXT, voice: voices[1] }), first);
    });

    it('returns audio that ffmpeg can decode', async () => {
      await using harness = await open();
      await using dir = await tempDir();
      await using ffmpeg = createFfmpeg({ path: FFMPEG });
      const { audio } = await harness.speech.speak({ text: TEXT, voice: harness.voices[0] }, FOREVER);
      const file = join(dir.path, 'spoken');
      await writeFile(file, audio);
      const sound = { file, out: join(dir.path, 'sound.s16le'), maxSeconds: 60, signal: FOREVER };
      const { samples } = await decodeSound(ffmpeg, sound);
      assert.ok(samples > 48_000 / 2, `${samples} samples`);
    });

    it('returns the time of each word in order, or no timing at all', async () => {
      await using harness = await open();
      const { timing } = await harness.speech.speak({ text: TEXT, voice: harness.voices[0] }, FOREVER);
      if (timing === null) return;
      assert.deepEqual(
        timing.map(({ text }) => text),
        TEXT.split(/\s+/),
      );
      let at = 0;
      for (const { start, end } of timing) {
        assert.ok(start >= at && end > start, `${start} to ${end} s after ${at} s`);
        at = end;
      }
    });

    it('speaks nothing after an abort, and rejects with the reason', async () => {
      await using harness = await open();
      const reason = new Error('The lease was lost');
      const line = { text: TEXT, voice: harness.voices[0] };
      await assert.rejects(harness.speech.speak(line, AbortSignal.abort(reason)), reason);
    });

    it('allows at least one line at a time', async () => {
      await using harness = await open();
      const { speech, voices } = harness;
      const room = () => speech.atOnce;
      const before = room();
      await speech.speak({ text: TEXT, voice: voices[0] }, FOREVER);
      for (const places of [before, room()]) {
        assert.ok(places === null || (Number.isInteger(places) && places >= 1), `${places} places`);
      }
    });
  });
}
