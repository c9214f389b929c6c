/** Makes one piece of a task ready: what a film needs of a clip once it is known where the clip stands in it. */
import type { Log } from '../base/log.ts';
import { type CrashIsolationDeps, isolateAfterCrash } from '../coordination/crash-isolation.ts';
import { pieceKey } from '../coordination/lease-keys.ts';
import { byOneMessage } from '../coordination/once.ts';
import { failureOf } from '../coordination/retry-policy.ts';
import { type PieceName, pieceOf } from '../model/pieces.ts';
import type { Failed, PreparedPiece } from '../model/pins.ts';
import { type Source, titleOf } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { Artifacts } from '../pipeline/artifacts.ts';
import { checkedPiece } from '../pipeline/check-pieces.ts';
import { isPieceOf, type Pieces, refuseEndlessPieces } from '../pipeline/prepare-piece.ts';
import { publishAfterPiece } from '../pipeline/ready-renders.ts';
import type { SpeakingSignals } from '../pipeline/speak-line.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { PinStore } from '../ports/pins.ts';
import type { Delivery, Queue } from '../ports/queue.ts';

export interface PreparePieceDeps extends CrashIsolationDeps {
  leases: LeaseStore;
  pins: PinStore;
  pieces: Pick<Pieces, 'ready'>;
  artifacts: Artifacts;
  queue: Queue;
  log: Log;
}

/**
 * Makes it, pins it or its error, and publishes the renders that can go now. Repeating it makes nothing, unless an artifact is
 * gone, but publishes these again: the last process may have died before it did.
 */
export async function preparePiece(
  task: Task,
  name: PieceName,
  signals: SpeakingSignals & Pick<Delivery, 'messageId'>,
  deps: PreparePieceDeps,
): Promise<void> {
  if (!isPieceOf(task.plan, name)) return;
  const made = await makeReady(task, name, signals, deps);
  // Otherwise the handler of another message is at it, and publishes them.
  if (made !== undefined) await publishAfterPiece(task, name, deps);
}

async function makeReady(
  task: Task,
  name: PieceName,
  { signal, stop, messageId }: SpeakingSignals & Pick<Delivery, 'messageId'>,
  deps: PreparePieceDeps,
): Promise<PreparedPiece | Failed | undefined> {
  const { pins, leases, attempts, pieces, artifacts } = deps;
  const [first, again] = [`piece-${name}`, `remade-piece-${name}`] as const;
  const key = pieceKey(task.id, name);
  return byOneMessage<PreparedPiece | Failed>({
    ...{ leases, attempts, key, messageId, signal },
    room: (lease) => isolateAfterCrash(key, lease, deps),
    find: settled,
    async create(before, held) {
      const started = performance.now();
      const [earlier] = await pins.read(task.id, [first]);
      const pin = await outcome(earlier !== undefined);
      const isSame = earlier !== undefined && JSON.stringify(earlier) === JSON.stringify(pin);
      const stored = isSame ? earlier : await pins.write(task.id, earlier === undefined ? first : again, pin);
      logPiece(deps.log, task, name, stored, (performance.now() - started) / 1000);
      return stored;

      async function outcome(isRemade: boolean): Promise<PreparedPiece | Failed> {
        try {
          if (isRemade) await refuseEndlessPieces(task, name, attempts);
          return await pieces.ready(task, name, { signal: held, stop });
        } catch (error) {
          return { error: failureOf(error, before, 'conform', held) };
        }
      }
    },
  });

  /** What renders can use now, or a failure; undefined if it is to be made. */
  async function settled(): Promise<PreparedPiece | Failed | undefined> {
    for (const pin of await pins.read(task.id, [first, again])) {
      const checked = pin && checkedPiece(pin, task, name);
      if (checked !== undefined && (checked.error !== undefined || (await areThere(checked)))) return checked;
    }
    return undefined;
  }

  async function areThere({ artifacts: keys }: PreparedPiece): Promise<boolean> {
    for (const one of keys) {
      using artifact = await artifacts.look(one, signal);
      if (artifact === undefined) return false;
    }
    return true;
  }
}

function logPiece(log: Log, task: Task, name: PieceName, pin: PreparedPiece | Failed, seconds: number): void {
  const number = pieceOf(name)?.clip ?? 0;
  const source = titleOf(task.plan.sources[number] as Source);
  const about = {
    task_id: task.id,
    task_name: task.name,
    source: number,
    source_name: source,
    piece: name,
    seconds,
  };
  if (pin.error === undefined) {
    log.info(`Prepared ${name} of the ${source} in ${seconds.toFixed(1)} s`, {
      event: 'piece.prepared',
      ...about,
    });
    return;
  }
  log.warn(`${name} of the ${source} cannot be made: ${pin.error.message}`, {
    event: 'piece.failed',
    ...about,
    failure: pin.error,
  });
}
