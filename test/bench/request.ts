/** The requests that the bench posts. */
import type { FileServer } from '../../infra/media/file-server.ts';
import type { BenchMedia } from './media.ts';

export interface BenchRequest {
  task_name: string;
  video_blocks: { name: string; urls: string[] }[];
  audio_blocks: { music: string[] };
  text_to_speech?: { text: string; voice: string }[];
  seed: number;
  audio?: { loudness?: number | null };
  output?: { reencode?: boolean; fps?: number; formats?: readonly string[] };
  selection?: { lines: 'each' };
}

/** Three blocks of three clips with music and a line each: 27 videos. */
export function benchRequest({ blocks, tracks }: BenchMedia, server: FileServer): BenchRequest {
  return {
    task_name: 'bench',
    video_blocks: named(blocks.map((block) => block.map((file) => server.url(file)))),
    audio_blocks: { music: tracks.map((file) => server.url(file)) },
    text_to_speech: [
      { text: 'Spring is here, and so is the sale.', voice: 'Sarah' },
      { text: 'Only this week: everything must go.', voice: 'George' },
    ],
    seed: 1,
  };
}

/** The same with so many lines. With as many as there are videos, each has another one, and so another soundtrack. */
export function withLines(request: BenchRequest, count: number): BenchRequest {
  const lines = Array.from({ length: count }, (_, at) => ({
    text: `Offer number ${at + 1} is here, and only for this week.`,
    voice: at % 2 === 0 ? 'Sarah' : 'George',
  }));
  return { ...request, text_to_speech: lines };
}

/** The same with three blocks of ten: 1,000 videos. Only the answer is measured, so its clips need not exist. */
export function largeRequest(request: BenchRequest): BenchRequest {
  const [known = ''] = request.video_blocks[0]?.urls ?? [];
  const urls = (block: number) =>
    Array.from({ length: 10 }, (_, at) => new URL(`large-${block}-${at}.mp4`, known).href);
  return { ...request, task_name: 'large', video_blocks: named([urls(1), urls(2), urls(3)]) };
}

export function named(blocks: readonly string[][]): BenchRequest['video_blocks'] {
  return blocks.map((urls, at) => ({ name: `block ${at + 1}`, urls }));
}
