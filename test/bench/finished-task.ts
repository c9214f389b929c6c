/** Reads the mixes of a finished task from disk, so that they can be run again. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDiskArtifacts } from '../../functions/adapters/disk/artifacts.ts';
import { createSqlitePins } from '../../functions/adapters/sqlite/pins.ts';
import { openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { createSqliteTasks } from '../../functions/adapters/sqlite/tasks.ts';
import { signingKeyIn } from '../../functions/hosts/signing-key.ts';
import type { Prepared, Profile } from '../../functions/model/pins.ts';
import type { Source } from '../../functions/model/plan.ts';
import type { Task } from '../../functions/model/task.ts';
import { SOUND, VIDEO } from '../../functions/pipeline/source-artifact.ts';
import type { CombinationInput } from '../fixtures/media/combination.ts';
import { sealWith } from '../fixtures/system/seal.ts';
import { concatList, MIX_LIST } from './bare-mix.ts';

export interface FinishedMix {
  /** The host's own input with another output path. Its list of clips is already written. */
  input: CombinationInput;
  /** URLs of the clips and the music, in the order of `input`. */
  urls: { clips: string[]; music: string };
}

export interface FinishedTask {
  profile: Profile;
  mixes: FinishedMix[];
}

/** Uses the host's own adapters, so no host may be running. @param dir for the files that the mixes need and make */
export async function readFinishedTask(dataDir: string, taskId: string, dir: string): Promise<FinishedTask> {
  using database = openDatabase(join(dataDir, 'every-cut.sqlite'));
  const seal = sealWith(await signingKeyIn(dataDir));
  const task = (await createSqliteTasks({ database, seal }).get(taskId)) as Task;
  const pins = createSqlitePins({ database });
  const artifacts = createDiskArtifacts({
    dir: join(dataDir, 'artifacts'),
    maxBytes: Number.MAX_SAFE_INTEGER,
  });
  const [profile] = await pins.read(taskId, ['profile']);
  const { rate } = profile as Profile;

  const open = async (number: number) => {
    const [pin] = await pins.read(taskId, [`prepared-${number}`]);
    const prepared = pin as Prepared;
    const artifact = await artifacts.open(prepared.artifact);
    if (artifact === undefined) throw new Error(`Expected artifact ${prepared.artifact}, got none`);
    return { ...prepared, file: (name: string) => artifact.path(name) };
  };
  const clip = async (number: number) => {
    const { frames, file } = await open(number);
    return { video: file(VIDEO), sound: file(SOUND), frames };
  };
  const sound = async (number: number) => {
    const { samples, loudness, file } = await open(number);
    return { file: file(SOUND), samples, loudness };
  };

  const mixes: FinishedMix[] = [];
  for (const { index, clips, track, line } of task.plan.combinations) {
    const work = join(dir, `mix-${index}`);
    await mkdir(work, { recursive: true });
    const input = {
      clips: await Promise.all(clips.map(clip)),
      rate,
      music: await sound(track as number),
      voice: await sound(line as number),
      ...task.plan.sound,
      out: join(work, 'video.mp4'),
      dir: work,
    };
    await writeFile(join(work, MIX_LIST), concatList(input.clips.map(({ video }) => video)));
    const url = (number: number) => urlOf(task.plan.sources[number]);
    mixes.push({ input, urls: { clips: clips.map(url), music: url(track as number) } });
  }
  return { profile: profile as Profile, mixes };
}

function urlOf(source: Source | undefined): string {
  if (source === undefined || source.kind === 'line')
    throw new Error('Expected a source with a URL, got none');
  return source.url;
}
