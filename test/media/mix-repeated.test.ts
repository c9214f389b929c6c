import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { soundGraph } from '../../functions/media/mix-graph.ts';
import type { MixSound } from '../../functions/media/mix-levels.ts';
import { makePcm } from '../fixtures/media/clips.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';

const RATE = 48_000;
const PCM = ['-f', 's16le', '-ar', String(RATE), '-ac', '2', '-i'];
/** At a time: far more than there are processors, so that each run is interrupted at other moments. */
const RUNS = 12;

describe('a mix', () => {
  const { at } = useMedia();

  test('is the same however busy the machine is: nothing is missing at its end', async () => {
    const sources = {
      own: 'anoisesrc=c=brown:a=0.3:r=48000:seed=4',
      music: "aevalsrc='0.9*sin(2*PI*60*t)*exp(-18*mod(t,0.5))':s=48000",
      voice: 'anoisesrc=c=white:a=0.3:r=48000:seed=9',
    };
    for (const [name, source] of Object.entries(sources))
      await makePcm(at(name), source, name === 'voice' ? 3 : 4);
    const sound = (name: string): MixSound => ({ file: at(name), samples: 4 * RATE, loudness: -20 });
    const input = { total: 6 * RATE, own: [at('own'), at('own')], originalVolume: 0.5, duck: true };
    const graph = soundGraph(
      { ...input, music: sound('music'), voice: sound('voice') },
      { gain: -12, limit: 1 },
    );
    const inputs = [
      ...input.own.flatMap((file) => [...PCM, file]),
      '-stream_loop',
      '-1',
      ...PCM,
      at('music'),
    ];
    const mixed = async (number: number) => {
      const out = at(`mixed-${number}`);
      const output = ['-filter_complex', `${graph}[a]`, '-map', '[a]', '-f', 's16le', out];
      await run(...inputs, ...PCM, at('voice'), ...output);
      return createHash('sha256')
        .update(await readFile(out))
        .digest('hex');
    };
    const hashes = await Promise.all(Array.from({ length: RUNS }, (_, number) => mixed(number)));
    assert.deepEqual([...new Set(hashes)].length, 1);
    // The kick at 5.5 s, which is lowered under no voice.
    const bytes = await readFile(at('mixed-0'));
    const pcm = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2).subarray(5.5 * 2 * RATE);
    assert.ok(Math.max(...pcm.subarray(0, 2 * 2_000).map(Math.abs)) > 1_000);
  });
});
