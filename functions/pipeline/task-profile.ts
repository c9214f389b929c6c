/** The size and frame rate of a task's videos, determined once: as requested, otherwise as in its first readable clips. */
import { chooseProfile, type FirstClips, formatProfiles } from '../media/profile.ts';
import type { HardwareName, Profile } from '../model/pins.ts';
import type { Task } from '../model/task.ts';
import type { PinStore } from '../ports/pins.ts';
import type { Fetching } from './fetch-source.ts';

export interface ProfileDeps {
  fetching: Pick<Fetching, 'fetchOnce'>;
  pins: PinStore;
  /** In hardware; undefined: x264. */
  encoder?: HardwareName | undefined;
}

/** One per format, or the only one. Readable clips are looked for in block order. Throws TransientError. */
export async function profilesOf(deps: ProfileDeps, task: Task, signal: AbortSignal): Promise<Profile[]> {
  return formatProfiles(await profileOf(deps, task, signal), task.plan);
}

async function profileOf(deps: ProfileDeps, task: Task, signal: AbortSignal): Promise<Profile> {
  const { fetching, pins, encoder } = deps;
  const [pinned] = await pins.read(task.id, ['profile']);
  if (pinned !== undefined) return pinned;
  const chosen = chooseProfile(task.plan.output, await firstClips(fetching, task, signal));
  return pins.write(task.id, 'profile', encoder === undefined ? chosen : { ...chosen, encoder });
}

/** Fetches only as many clips as it needs to find a readable one. */
async function firstClips(
  fetching: ProfileDeps['fetching'],
  task: Task,
  signal: AbortSignal,
): Promise<FirstClips> {
  const { width, height, fps } = task.plan.output;
  const enough = ({ any, moving }: FirstClips) =>
    (any !== undefined || (width !== undefined && height !== undefined)) &&
    (moving !== undefined || fps !== undefined);
  let first: FirstClips = { any: undefined, moving: undefined };
  for (const [number, source] of task.plan.sources.entries()) {
    if (enough(first)) break;
    if (source.kind !== 'clip') continue;
    const fetched = await fetching.fetchOnce(task, number, signal);
    if (fetched.error !== undefined || fetched.probe.video === null) continue;
    const { probe } = fetched;
    first = {
      any: first.any ?? probe,
      moving: first.moving ?? (fetched.probe.video.still ? undefined : probe),
    };
  }
  return first;
}
