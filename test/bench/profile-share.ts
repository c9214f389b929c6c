/** Which part of a process's time was spent in some files, by V8's profile of it (`node --cpu-prof`). */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Node {
  id: number;
  callFrame: { functionName: string; url: string };
  children?: number[];
}
interface Profile {
  nodes: Node[];
  samples: number[];
  /** Microseconds before each sample. */
  timeDeltas: number[];
}

/** Of which nobody knows what they were spent on, and those in which nothing was done. */
const NOT_COUNTED = ['(idle)', '(program)', '(root)'];

/**
 * The share of the largest profile in `folder`, 0 to 1, without collecting garbage. A moment belongs to the innermost function
 * that is of a file at all: what Node does for it counts as its own, what it calls in other files does not.
 */
export async function shareOf(isCounted: (file: string) => boolean, folder: string): Promise<number> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  const [largest = '{}'] = texts.toSorted((one, other) => other.length - one.length);
  const { nodes, samples, timeDeltas } = JSON.parse(largest) as Profile;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const fileOf = (id: number | undefined): string => {
    const url = byId.get(id ?? -1)?.callFrame.url;
    if (url === undefined) return '';
    return url.startsWith('file:') ? url : fileOf(parents.get(id ?? -1));
  };
  let [counted, all] = [0, 0];
  for (const [at, id] of samples.entries()) {
    if (NOT_COUNTED.includes(byId.get(id)?.callFrame.functionName ?? '')) continue;
    const spent = timeDeltas[at] ?? 0;
    all += spent;
    if (isCounted(fileOf(id))) counted += spent;
  }
  return counted / all;
}
