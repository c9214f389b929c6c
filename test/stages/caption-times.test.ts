import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { placedWords } from '../../functions/media/captions/words.ts';
import type { Line } from '../../functions/model/plan.ts';
import type { PreparedArtifact } from '../../functions/pipeline/check-prepared.ts';
import { burstsIn, type ElevenLabsServer, startElevenLabsServer } from '../fixtures/elevenlabs/server.ts';
import { useStages } from '../fixtures/hosts/stages.ts';
import { captions } from '../fixtures/media/captions.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { beeps, soundOf } from '../fixtures/media/measure.ts';
import { sampled } from '../fixtures/system/sample.ts';

/** What codecs put before the sound differs. */
const FORMATS = ['mp3_44100_128', 'mp3_22050_32', 'opus_48000_32', 'wav_16000'];
/** Two blanks each, as tones with less between them are heard as one. */
const LINE: Line = {
  text: "Stop  scrolling,  please.  These  shoes  are  different!  Try  them  on,  you  won't  regret  it.",
  voice: 'Sarah',
};
const OFFSET = 0.7;
/** Seconds. */
const MOST_APART = 0.1;

for (const format of sampled(FORMATS, 4, 'caption times')) {
  describe(`words that ElevenLabs speaks as ${format}`, () => {
    let voices: ElevenLabsServer;
    const settings: Record<string, string> = { ELEVENLABS_FORMAT: format };

    before(async () => {
      voices = await startElevenLabsServer({ words: true });
      settings['ELEVENLABS_API_KEY'] = voices.apiKey;
      settings['ELEVENLABS_API_URL'] = voices.url;
    });
    after(() => voices?.[Symbol.asyncDispose]());
    const s = useStages(settings);

    test('are shown when they are heard in the finished video', async () => {
      const file = await makeClip(join(s.dir.path, 'long.mp4'), { colour: 'red', frames: 240 });
      s.server.set('/long.mp4', { body: await readFile(file) });
      const task = await s.createTask({
        ...{ decided: true, clips: ['/long.mp4'] },
        plan: {
          lines: [LINE],
          captions: captions(['srt']),
          sound: { originalVolume: 0, duck: false, voiceOffsetSeconds: OFFSET },
        },
      });
      await s.prepareAll(task);
      await s.renderOne(task, 1);
      const [report] = await s.deps.reports.list(task.id, 1, 1);
      assert.equal(report?.status, 'succeeded', report?.error?.message);
      assert.ok(!report?.warnings.some((text) => text.includes('estimated')));

      const told = burstsIn(LINE.text).map(({ start }) => start + OFFSET);
      const heard = beeps(await soundOf(join(task.folder.id, report?.fileName ?? '')), 0.1);
      const number = task.plan.sources.findIndex(({ kind }) => kind === 'line');
      const [pin] = await s.deps.pins.read(task.id, [`prepared-${number}`]);
      using artifact = await s.deps.artifacts.open<PreparedArtifact['meta']>(
        pin?.error === undefined ? (pin?.artifact ?? '') : '',
        new AbortController().signal,
      );
      assert.ok(artifact);
      const { words } = await s.deps.spokenWords(artifact, LINE);
      const shown = placedWords(words, OFFSET, 8).map(({ start }) => start);
      assert.equal(heard.length, told.length);
      assert.equal(shown.length, told.length);
      const apart = Math.max(...shown.map((start, at) => Math.abs(start - (heard[at] as number))));
      assert.ok(apart < MOST_APART, `${apart.toFixed(3)} s`);
      // As the voice tells them, to the digits that it gives.
      for (const [at, start] of shown.entries()) assert.ok(Math.abs(start - (told[at] as number)) < 0.002);

      const srt = await readFile(join(task.folder.id, report?.files?.[0]?.fileName ?? ''), 'utf8');
      const cues = [...srt.matchAll(/^00:00:(\S+) --> 00:00:(\S+)$/gm)].map(([, start = '']) =>
        Number(start.replace(',', '.')),
      );
      assert.equal(cues.length, 3);
      for (const start of cues) assert.ok(heard.some((time) => Math.abs(time - start) < MOST_APART));
    });
  });
}
