import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createStorageOutputs } from '../../functions/adapters/storage/outputs.ts';
import { UNLIMITED } from '../../functions/coordination/semaphore.ts';
import { createApi } from '../../functions/http/router.ts';
import type { OutputFolder, Task } from '../../functions/model/task.ts';
import type { OutputStore } from '../../functions/ports/outputs.ts';
import { complete } from '../../functions/stages/complete.ts';
import { deadLetter } from '../../functions/stages/dead-letter.ts';
import { render } from '../../functions/stages/render.ts';
import { until } from '../contracts/harness.ts';
import { driveStage } from '../fixtures/drive/stage.ts';
import { DELIVERY, useStages } from '../fixtures/hosts/stages.ts';
import { conforming } from '../fixtures/http/conforming.ts';
import { connectedTo } from '../fixtures/storage/connection.ts';
import { startStorageServer } from '../fixtures/storage/server.ts';

/** What happens one after the other while the renders of the first task hang while saving. */
const EVENTS = ['lapsed', 'given up', 'completed', 'retried', 'saved again', 'retry completed'] as const;
type Event = (typeof EVENTS)[number];

/** Where a render hangs, and after which event it goes on. `checked`: after the last check before its file is named. */
interface Hang {
  where: 'before the save' | 'checked';
  until: Event;
}

interface Opened extends AsyncDisposable {
  outputs: OutputStore;
  /** Content by name; an entry per file. */
  files(folder: OutputFolder): Promise<[string, string][]>;
  /** Where a check holds up the removal of the file, and so the end of the task, it cannot hang for longer. */
  checkedUntil: readonly Event[];
}

type Stages = ReturnType<typeof useStages>;

const STORES: Record<string, (s: Stages) => Promise<Opened>> = {
  disk: async (s) => ({
    outputs: s.deps.outputs,
    files: async ({ id }) =>
      Promise.all(
        (await readdir(id)).map(async (name): Promise<[string, string]> => {
          return [name, await readFile(join(id, name), 'latin1')];
        }),
      ),
    checkedUntil: ['lapsed', 'given up', 'completed'],
    async [Symbol.asyncDispose]() {},
  }),
  storage: async () => {
    const server = await startStorageServer();
    return {
      outputs: createStorageOutputs({ storage: connectedTo(server), bucket: 'bucket' }),
      files: async ({ id }) => {
        const prefix = id.replace('gs://bucket/', '');
        return [...server.objects.bucket('bucket')]
          .filter(([name]) => name.startsWith(prefix) && name !== prefix)
          .map(([name, { body }]) => [name.slice(prefix.length), body.toString('latin1')]);
      },
      checkedUntil: EVENTS,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
  drive: async () => {
    const stage = await driveStage();
    const { server } = stage;
    return {
      outputs: stage.outputs(),
      files: async ({ id }) =>
        server.list(id).map(({ name, id: file }) => [String(name), server.read(file).toString('latin1')]),
      checkedUntil: EVENTS,
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  },
};

describe('a video that is saved late', () => {
  const s = useStages();

  for (const [name, open] of Object.entries(STORES)) {
    test(`never takes the place of the retry's, whenever it goes on: ${name}`, async () => {
      await using store = await open(s);
      const hangs: Hang[] = [
        ...EVENTS.map((until) => ({ where: 'before the save', until }) as const),
        ...store.checkedUntil.map((until) => ({ where: 'checked', until }) as const),
      ];
      const gates = Object.fromEntries(EVENTS.map((event) => [event, Promise.withResolvers<void>()]));
      const deps = { ...s.deps, outputs: store.outputs, saving: () => UNLIMITED };

      async function accepted(path: string, body?: unknown): Promise<Task> {
        const request = new Request(`http://127.0.0.1:8080${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const answer = (await (await conforming(createApi(deps))(request)).json()) as { task_id: string };
        const task = (await deps.tasks.get(answer.task_id)) as Task;
        await s.prepareAll(task);
        return task;
      }
      const renders = (task: Task, own: typeof deps) =>
        Promise.allSettled(
          task.plan.combinations.map(({ index }) =>
            render({ topic: 'render', taskId: task.id, index }, DELIVERY, own),
          ),
        );
      /** Lets those go on that hang until this event, even if it waits for them itself. */
      async function event(which: Event, work: Promise<unknown>): Promise<void> {
        await Promise.race([work, pause(100)]);
        gates[which]?.resolve();
        await work;
        await pause(20);
      }

      const first = await accepted('/process_media', {
        task_name: 'late',
        video_blocks: { a: hangs.map((_, at) => s.server.url(at % 2 === 0 ? '/a.mp4' : '/b.mp4')) },
      });
      let saving = 0;
      const allSaving = Promise.withResolvers<void>();
      const save: OutputStore['save'] = async (folder, fileName, file, signal, owner) => {
        const { where, until: event } = hangs[Number(fileName.slice(0, 4)) - 1] as Hang;
        const hung = () => {
          if (++saving >= hangs.length) allSaving.resolve();
          return gates[event]?.promise;
        };
        await writeFile(file, `late, ${where} until ${event}`);
        if (where === 'before the save') await hung();
        const isCurrent = async () => {
          const current = await owner?.isCurrent();
          if (where === 'checked') await hung();
          return current !== false;
        };
        return store.outputs.save(folder, fileName, file, signal, owner && { ...owner, isCurrent });
      };
      const late = renders(first, { ...deps, outputs: { ...store.outputs, save } });
      await allSaving.promise;

      await event('lapsed', Promise.resolve(s.local.lapseLeases()));
      const inTime = hangs.filter(({ until: event }) => event === 'lapsed').length;
      await until(
        async () => (await deps.reports.list(first.id, 1, hangs.length)).length === inTime,
        'the reports of those in time',
      );
      const giveUp = ({ index }: { index: number }) =>
        deadLetter(
          {
            topic: 'dead-letter',
            taskId: first.id,
            message: { topic: 'render', taskId: first.id, index },
            reason: 'it hangs',
          },
          DELIVERY,
          deps,
        );
      await event('given up', Promise.all(first.plan.combinations.map(giveUp)));

      // One of two completions hangs while removing what is not in the manifest.
      const removing = Promise.withResolvers<void>();
      const remove: OutputStore['remove'] = async (...args) => {
        await removing.promise;
        return store.outputs.remove(...args);
      };
      const completion = { topic: 'complete', taskId: first.id } as const;
      const lateCompletion = complete(completion, DELIVERY, {
        ...deps,
        outputs: { ...store.outputs, remove },
      });
      await pause(20);
      s.local.lapseLeases();
      await event('completed', complete(completion, DELIVERY, deps));

      const retry = await accepted(`/tasks/${first.id}/retry`);
      await event('retried', Promise.resolve());
      await event('saved again', renders(retry, deps));
      await event('retry completed', complete({ topic: 'complete', taskId: retry.id }, DELIVERY, deps));
      removing.resolve();
      await lateCompletion;
      await late;

      const videos = (await store.files(first.folder)).filter(([file]) => file.endsWith('.mp4'));
      assert.equal(retry.plan.combinations.length, hangs.length - inTime);
      const reports = [
        ...(await deps.reports.list(first.id, 1, hangs.length)).filter(
          ({ status }) => status === 'succeeded',
        ),
        ...(await deps.reports.list(retry.id, 1, hangs.length)),
      ];
      assert.deepEqual(
        reports.map(({ status }) => status),
        hangs.map(() => 'succeeded'),
      );
      assert.deepEqual(videos.map(([file]) => file).sort(), reports.map(({ fileName }) => fileName).sort());
      for (const [file, content] of videos) {
        const report = reports.find(({ fileName }) => fileName === file);
        const hang = hangs[(report?.index ?? 0) - 1] as Hang;
        assert.equal(content.length, report?.bytes, `${file}: ${JSON.stringify(hang)}`);
        assert.equal(content.startsWith('late'), hang.until === 'lapsed', `${file}: ${JSON.stringify(hang)}`);
      }
    });
  }
});
