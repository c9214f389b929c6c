import { randomUUID } from 'node:crypto';
import type { Prices, TaskCost } from '../../functions/model/cost.ts';
import type { Prepared, Profile } from '../../functions/model/pins.ts';
import type { Report } from '../../functions/model/report.ts';
import type { Task } from '../../functions/model/task.ts';
import { PLAIN_OUTPUT, PLAIN_SOUND } from '../fixtures/media/plain-choices.ts';
import { addressOf } from '../fixtures/network/source-address.ts';
import { numbers } from './harness.ts';

export interface SampleTaskOptions {
  id?: string;
  folder?: string;
  combinations?: number;
}

export function sampleTask({
  id = randomUUID(),
  folder = 'folder-1',
  combinations = 8,
}: SampleTaskOptions = {}): Task {
  return {
    id,
    name: 'Frühling "sale" 🎬',
    createdAt: new Date().toISOString(),
    plan: {
      seed: 7,
      sources: [
        { kind: 'clip', ...addressOf('https://example.com/hook.mp4?sig=a%2Fb') },
        { kind: 'line', text: "It's\nhere", voice: 'Sarah' },
      ],
      combinations: numbers(combinations).map((at) => ({ index: at + 1, clips: [0], track: null, line: 1 })),
      total: combinations,
      output: PLAIN_OUTPUT,
      sound: PLAIN_SOUND,
    },
    folder: { id: folder, location: `/videos/${folder}` },
    metadata: { any: ['thing', null, { deep: 1.5 }] },
    warnings: ['No music'],
    retryOf: null,
    fileId: id,
  };
}

export function sampleReport(index: number, changes: Partial<Report> = {}): Report {
  return {
    index,
    status: 'succeeded',
    fileName: `${index}.mp4`,
    url: `https://example.com/${index}.mp4`,
    bytes: 1000 + index,
    durationSeconds: 21.5,
    loudnessLufs: -14.1,
    truePeakDbtp: -1.5,
    renderSeconds: 1.25,
    stageSeconds: { mix: 1, save: 0.25 },
    attempts: 1,
    warnings: [],
    error: null,
    ...changes,
  };
}

export const SAMPLE_PROFILE: Profile = {
  width: 1080,
  height: 1920,
  rate: { num: 30000, den: 1001 },
  fit: 'contain',
  background: '#000000',
};

export function samplePrepared(artifact: string): Prepared {
  return { artifact, seconds: 2.002, frames: 60, samples: 96_096, loudness: null, warnings: [] };
}

export const NO_PRICES: Prices = { speechPer1000: 0, perHour: { prepare: 0, render: 0 } };
export const NO_COST: TaskCost = { characters: 0, computeSeconds: 0, speechUsd: 0, computeUsd: 0, usd: 0 };
