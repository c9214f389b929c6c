/**
 * `npm run bench -- page [ROUNDS]`: how long the page keeps the browser busy at a time while a person uses it with 1,000 videos in
 * the list. From 200 ms on, people see that it does not react.
 */
import { startBrowser } from '../fixtures/system/chromium.ts';
import { manyVideos, VIDEOS } from '../fixtures/web/many-videos.ts';
import { markdown } from './table.ts';

const ROUNDS = 3;
const WATCH = `
  globalThis.busy = [];
  new PerformanceObserver((list) => globalThis.busy.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: 'longtask', buffered: true });
`;

export async function pageTable(
  [rounds = String(ROUNDS)]: string[],
  progress: (what: string) => void,
): Promise<string> {
  await using videos = await manyVideos();
  await using browser = await startBrowser();
  const { page } = browser;
  await page.addInitScript(WATCH);
  const longest = new Map<string, number[]>();
  for (let round = 1; round <= Number(rounds); round++) {
    progress(`round ${round}`);
    for (const [what, step] of Object.entries(videos.steps)) {
      await page.evaluate('globalThis.busy = []');
      await step(page);
      const busy = (await page.evaluate('globalThis.busy')) as number[];
      longest.set(what, [...(longest.get(what) ?? []), Math.max(0, ...busy)]);
    }
  }
  const rows = [...longest].map(([what, found]) => [
    what,
    ...found.map((ms) => (ms === 0 ? 'under 50' : `${ms}`)),
  ]);
  const head = [`longest task with ${VIDEOS} videos, ms`, ...numbered(Number(rounds))];
  return markdown([head, ...rows]);
}

function numbered(rounds: number): string[] {
  return Array.from({ length: rounds }, (_, at) => `round ${at + 1}`);
}
