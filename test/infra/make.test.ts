import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { acquireHostLock } from '../../functions/adapters/process/host-lock.ts';
import { createClient } from '../../functions/client/client.ts';
import { noteAddress } from '../../functions/hosts/address-note.ts';
import { runningService } from '../../infra/make/find-service.ts';
import { noteName } from '../../infra/make/note.ts';
import { collectResults, drawSheets, type Place } from '../../infra/make/results.ts';
import { lockRun } from '../../infra/make/run-lock.ts';
import { startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import {
  type MakeProcess,
  runMake,
  runMakeHere,
  startMake,
  uploadsIn,
} from '../fixtures/hosts/make-process.ts';
import { makeFilm, makeSound } from '../fixtures/media/clips.ts';
import { FFMPEG } from '../fixtures/media/finished.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const NAME = 'Spring säle #1 50%';
/** Clips of no codec in common, so that each is encoded: a task then takes long enough to be stopped. */
const CLIPS = {
  '1 hooks/dog #1.mp4': { size: '160x90', frames: 15 },
  '1 hooks/cat "q".mp4': { size: '162x90', frames: 16 },
  '2 bodies/10.mp4': { size: '160x92', frames: 17 },
  '2 bodies/2.mp4': { size: '160x90', rate: '25', frames: 18 },
};

describe('npm run make', { concurrency: 3, timeout: 300_000 }, () => {
  let made: TempDir;

  before(async () => {
    made = await tempDir();
    const folder = join(made.path, NAME);
    for (const name of ['1 hooks', '2 bodies', 'music']) await mkdir(join(folder, name), { recursive: true });
    await Promise.all([
      ...Object.entries(CLIPS).map(([name, clip]) => makeFilm(join(folder, name), clip)),
      makeSound(join(folder, 'music/song.mp3'), { seconds: 1 }),
    ]);
    await writeFile(join(folder, 'lines.txt'), 'Hello.\nBuy.\n');
    await symlink('2.mp4', join(folder, '2 bodies/3.mp4'));
  });
  after(() => made[Symbol.asyncDispose]());

  /** A folder of clips of its own, and whatever a run leaves. */
  async function campaign(): Promise<{ dir: string; folder: string } & AsyncDisposable> {
    const temp = await tempDir();
    const folder = join(temp.path, NAME);
    // The times of the files stay: by them a run knows what it has sent.
    await cp(join(made.path, NAME), folder, {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
    });
    return { dir: temp.path, folder, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() };
  }

  const accepted = (dir: string) =>
    readFileSync(join(dir, 'data/make/make.log'), 'utf8').match(/"event":"task\.accepted"/g)?.length ?? 0;
  const fileNames = (results: string) => results.match(/^\d{4}-[^ ]+\.mp4(?= {2})/gm) ?? [];

  test('goes on after Ctrl-C: one task, and each file is sent once', async () => {
    await using own = await campaign();
    const first = startMake([own.folder], own);
    await first.says(`"${NAME}": 6 videos`);
    process.kill(-(first.child.pid as number), 'SIGINT');
    assert.equal(await first.ended(), 130);
    assert.match(
      first.said(),
      /Stopped\. Finished videos stay\. The same command goes on where it stopped\.\n$/,
    );
    assert.equal(first.results(), '');

    const second = await runMake([own.folder], own);
    assert.equal(second.code, 0, second.said);
    assert.match(second.said, new RegExp(`Going on with "${NAME}": 6 videos`));
    assert.doesNotMatch(second.said, /uploading/);
    assert.doesNotMatch(second.results + second.said, /"severity"/);
    assert.deepEqual([accepted(own.dir), uploadsIn(own.dir)], [1, 5]);
    assert.equal(fileNames(second.results).length, 6);

    // Videos that are gone are no videos that were made.
    await rm(join(own.dir, 'output', NAME), { recursive: true });
    const gone = await runMakeHere([own.folder], own);
    assert.match(gone.said, /6 of the videos are not where they were saved any more\. --again makes all of/);
    assert.doesNotMatch(gone.said, /All of this was made before/);

    // A changed clip makes another task, and is all that is sent.
    await makeFilm(join(own.folder, '2 bodies/10.mp4'), { frames: 12 });
    const third = await runMakeHere([own.folder, '--limit', '2', '--name', 'other'], own);
    assert.equal(third.code, 0, third.said);
    assert.match(third.said, /uploading: 0 of 1 file,/);
    assert.match(third.said, /"other": 2 videos/);
    assert.deepEqual([accepted(own.dir), uploadsIn(own.dir)], [2, 6]);
  });

  test('says what to do if another run uses the same DATA_DIR', async () => {
    await using own = await campaign();
    using _ = await acquireHostLock({ dir: join(own.dir, 'data'), waitMs: 0 });
    const { code, said } = await runMakeHere([own.folder], own);
    assert.equal(code, 1);
    assert.match(said, /waiting for it to end/);
    assert.match(said, new RegExp(`got another run or service that does \\(process ${process.pid} `));
    assert.match(said, /Next step: wait until that run has ended, then start this one again\. .*--url/);
  });

  test('takes no other program for a service, sends that no key, and needs no log', async () => {
    await using own = await campaign();
    const keys: unknown[] = [];
    await using other = await serve((incoming, response) => {
      keys.push(incoming.headers['x-api-key']);
      response.setHeader('content-type', 'application/json').end('{"status":"ok","version":"1"}');
    });
    // Where the log would be, nothing can be written.
    await mkdir(join(own.dir, 'data/make/make.log'), { recursive: true });
    const env = { PORT: other.port, API_KEY: 'a key of sixteen letters' };
    const run = await runMakeHere([own.folder, '--dry-run'], { ...own, env });
    assert.equal(run.code, 0, run.said);
    assert.match(run.said, /Service at http:.*, log in /);
    assert.match(run.said, /make\.log cannot be written: this run has no log\./);
    assert.ok(keys.length > 0 && keys.every((key) => key === undefined));
  });

  describe('with a service that runs', { concurrency: 1 }, () => {
    let dir: TempDir;
    let host: TestHost;

    before(async () => {
      dir = await tempDir();
      host = await startTestHost(dir.path, { FFMPEG_BIN: FFMPEG, MAX_SOURCE_MB: '1' });
    });
    after(async () => {
      await host[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    });

    const tasksSoFar = () => host.logged('task.accepted').length;
    const uploadsSoFar = () => uploadsIn(dir.path);

    /** Passes everything on to the service. `onPost` may end the run before or after the service gets a task. */
    async function proxy(onPost: (pass: () => Promise<void>) => Promise<boolean>) {
      return serve(async (incoming, response) => {
        const isTask = incoming.method === 'POST' && incoming.url === '/process_media';
        const chunks: Buffer[] = [];
        for await (const chunk of incoming) chunks.push(chunk as Buffer);
        const pass = () => forward(host.url, incoming, Buffer.concat(chunks));
        if (!isTask) return (await pass()).pipeTo(response);
        let answer: Awaited<ReturnType<typeof pass>> | undefined;
        const goesOn = await onPost(async () => {
          answer = await pass();
        });
        if (goesOn && answer !== undefined) answer.pipeTo(response);
        else response.destroy();
      });
    }

    test('finds it at the port of the settings, and makes what a dry run shows, once', async () => {
      await using own = await campaign();
      const found = { ...own, env: { PORT: String(new URL(host.url).port) } };
      const plan = await runMakeHere([own.folder, '--dry-run'], found);
      assert.equal(plan.code, 0, plan.said);
      assert.match(plan.said, new RegExp(`^Service at ${host.url}, which is running$`, 'm'));
      assert.equal(uploadsSoFar(), 0);
      assert.match(plan.results, /^video +hooks +bodies +music +line$/m);
      assert.match(plan.results, /^1 +cat_q +2 +song +Sarah: (Hello|Buy)\.$/m);
      assert.match(plan.results, /^6 +dog_1 +10 +song /m);
      assert.match(plan.results, /^videos +6 would be made$/m);
      const planned = [...plan.results.matchAll(/^\d +(\S+) +(\S+) +song/gm)].map(
        ([, hook, body]) => `${hook}-${body}`,
      );
      const seed = /^seed +(\d+)$/m.exec(plan.results)?.[1];
      assert.match(plan.said, /Lines without a language are spoken as English\. --language de, /);
      const same = await runMakeHere([own.folder, '--dry-run'], found);
      assert.equal(same.results, plan.results);
      const other = await runMakeHere([own.folder, '--dry-run', '--seed', '7'], found);
      assert.match(other.results, /^seed +7$/m);
      const anew = await runMakeHere([own.folder, '--dry-run', '--again', '--language', 'en'], found);
      assert.doesNotMatch(anew.results, new RegExp(`^seed +${seed}$`, 'm'));
      assert.doesNotMatch(anew.said, /Lines without a language/);

      const run = await runMakeHere([own.folder, '--no-open'], found);
      assert.equal(run.code, 0, run.said);
      assert.match(run.said, new RegExp(`6 videos, seed ${seed}$`, 'm'));
      const names = fileNames(run.results).map((name) => name.slice(5, -'-123456.mp4'.length));
      assert.deepEqual(names, planned);
      // The clip that is there by a link, too, is sent once.
      assert.deepEqual([tasksSoFar(), uploadsSoFar()], [1, 5]);
      assert.match(run.results, /^videos {5}6\nsucceeded {2}6\nfailed {5}0\n/m);
      assert.match(run.results, /^cost {7}0 USD, 0 characters bought, \d+\.\d s of work$/m);
      const output = join(host.outputDir, NAME);
      assert.match(run.results, new RegExp(`^folder {5}${output}$`, 'm'));
      const [, sheet = ''] = /^sheet {6}(\S.*)$/m.exec(run.results) ?? [];
      // As the manifest of the task, so that another task in the same folder takes nothing away.
      const [, id] = /-([0-9a-f]{6})\.jpg$/.exec(sheet) ?? [];
      assert.equal(sheet, join(output, `contact-sheet-${id}.jpg`));
      assert.ok((await readdir(output)).includes(`manifest-${id}.json`));
      assert.ok((await readFile(sheet)).length > 5_000);

      const again = await runMakeHere([own.folder], found);
      assert.equal(again.code, 0, again.said);
      assert.match(again.said, /All of this was made before\. --again makes it anew\./);
      assert.deepEqual(fileNames(again.results), fileNames(run.results));
      assert.deepEqual([tasksSoFar(), uploadsSoFar()], [1, 5]);

      // Paths of another machine mean nothing here.
      const { signal } = new AbortController();
      const { task_id } = host.logged('task.accepted').at(-1) as { task_id: string };
      const results = async (place: Place) =>
        collectResults(createClient({ url: host.url }), [task_id], { place, signal });
      assert.equal((await results('here')).folder, output);
      const elsewhere = await results('elsewhere');
      assert.equal(elsewhere.folder, undefined);
      assert.deepEqual(
        await drawSheets(elsewhere, { ffmpegBin: FFMPEG, searchPath: '' }, { say: () => {}, signal }),
        { sheets: [], remark: 'none: the videos are not on this machine' },
      );
      // Nor is a file that is called as the folder was one to open.
      await rm(output, { recursive: true });
      await writeFile(output, '');
      assert.equal((await results('own')).folder, undefined);
      await rm(output);
    });

    test('tells failures, and the same command makes what failed', async () => {
      await using own = await campaign();
      let isThere = false;
      await using web = await serve((_, response) => {
        if (isThere) response.end(readFileSync(join(own.folder, '2 bodies/2.mp4')));
        else response.writeHead(404).end();
      });
      const file = join(own.dir, 'request.json');
      const blocks = {
        a: [join(NAME, '1 hooks/dog #1.mp4')],
        b: [join(NAME, '2 bodies/10.mp4'), `${web.url}/b.mp4`],
      };
      await writeFile(file, JSON.stringify({ task_name: 'repaired', video_blocks: blocks }));
      const uploads = uploadsSoFar();
      const args = [file, '--url', host.url];
      const first = await runMakeHere(args, own);
      assert.equal(first.code, 1, first.said);
      assert.match(first.results, /failed: source_not_found[\s\S]*\nsucceeded {2}1\nfailed {5}1\n/);
      assert.match(first.said, /the same command makes what is missing/);

      isThere = true;
      const second = await runMakeHere(args, own);
      assert.equal(second.code, 0, second.said);
      assert.match(second.said, /1 video of "repaired" failed before: trying again/);
      assert.match(second.results, /^videos {5}2\nsucceeded {2}2\nfailed {5}0\n/m);
      assert.deepEqual(fileNames(second.results), fileNames(first.results));
      assert.equal(uploadsSoFar(), uploads + 2);
    });

    test('says what the service refuses, by the names of the files', async () => {
      await using own = await campaign();
      await writeFile(join(own.folder, '1 hooks/huge.mp4'), Buffer.alloc(1_500_000));
      const uploads = uploadsSoFar();
      const large = await runMakeHere([own.folder, '--url', host.url], own);
      assert.equal(large.code, 1);
      assert.match(
        large.said,
        /The service refuses 1 file; nothing was started:\n {2}1 hooks\/huge\.mp4: Expected .*MAX_SOURCE_MB/,
      );
      assert.ok(uploadsSoFar() <= uploads + 1, 'the largest that is not refused');
      await rm(join(own.folder, '1 hooks/huge.mp4'));
      const language = await runMakeHere([own.folder, '--language', 'no tag', '--url', host.url], own);
      assert.equal(language.code, 1);
      assert.match(
        language.said,
        /refuses the request \(2 mistakes\); nothing was started:\n {2}"Hello\." at \/text_to_speech\/0\/language: /,
      );
    });

    test('finds it at any port by its DATA_DIR, unless the note there is old', async () => {
      const dataDir = join(dir.path, 'data');
      const { signal } = new AbortController();
      const found = () => runningService({ port: 0, dataDir }, {}, signal);
      assert.equal(await found(), undefined);
      {
        using _ = noteAddress({ dataDir }, host.url);
        assert.equal((await found())?.url, host.url);
        const file = join(dataDir, 'service.json');
        assert.equal((await stat(file)).mode & 0o777, 0o600);
        const gone = spawnSync('true').pid;
        await writeFile(file, JSON.stringify({ url: host.url, pid: gone }));
        assert.equal(await found(), undefined);
        await writeFile(file, JSON.stringify({ url: 'http://127.0.0.1:1', pid: process.pid }));
        assert.equal(await found(), undefined);
      }
      assert.ok(!(await readdir(dataDir)).includes('service.json'));
    });

    test('says which version it is if that is another one', async () => {
      await using old = await serve((incoming, response) => {
        const answers: Record<string, object> = {
          '/healthz': { status: 'ok', version: '0.0.1' },
          '/openapi.json': { info: { title: 'Every Cut' } },
        };
        response.end(JSON.stringify(answers[incoming.url as string]));
      });
      const { signal } = new AbortController();
      const remarkOf = async (url: string) =>
        (await runningService({ port: Number(new URL(url).port), dataDir: '/none' }, {}, signal))?.remark;
      assert.match(
        String(await remarkOf(old.url)),
        /which is running: version 0\.0\.1, while this program is \d/,
      );
      assert.equal(await remarkOf(host.url), `Service at ${host.url}, which is running`);
    });

    test('says so if none answers, or wants a key', async () => {
      await using own = await campaign();
      const none = await runMakeHere([own.folder, '--url', 'http://127.0.0.1:1/'], own);
      assert.equal(none.code, 1);
      assert.match(
        none.said,
        /^Expected a running service at http:\/\/127\.0\.0\.1:1, got no answer\. Next step: /,
      );
      await using closed = await serve((_, response) => {
        const problem = {
          title: 'The API key is missing or wrong',
          status: 401,
          code: 'unauthorized',
          hint: 'Send it.',
        };
        response.writeHead(401, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
      });
      const refused = await runMakeHere([own.folder, '--url', closed.url], own);
      assert.match(
        refused.said,
        /wrong \(401\)\. Give the key of the service with --key, or set API_KEY\.\n$/,
      );
    });

    test('is given the same folder by one run at a time', async () => {
      await using own = await campaign();
      const name = noteName(own.folder, host.url);
      using _ = await lockRun(join(own.dir, 'data/make'), name, own.folder);
      const [tasks, uploads] = [tasksSoFar(), uploadsSoFar()];
      const run = await runMakeHere([own.folder, '--url', host.url], own);
      assert.equal(run.code, 1);
      assert.match(
        run.said,
        /^Expected no other run with .* and this service, got one that goes on \(process \d+\)\. Next step: /,
      );
      assert.deepEqual([tasksSoFar(), uploadsSoFar()], [tasks, uploads]);
    });

    test('starts one task if three runs begin at the same time', async () => {
      await using own = await campaign();
      const tasks = tasksSoFar();
      const args = [own.folder, '--url', host.url, '--limit', '1', '--name', 'thrice'];
      const runs = await Promise.all([1, 2, 3].map(() => runMakeHere(args, own)));
      assert.ok(runs.some(({ code }) => code === 0));
      for (const { code, said } of runs)
        assert.match(said, code === 0 ? /"thrice"|was made before/ : /got one that goes on/);
      assert.equal(tasksSoFar(), tasks + 1);
    });

    test('posts a new task in place of one that was cancelled', async () => {
      let isCancelled = false;
      await using own = await campaign();
      await using between = await proxy(async (pass) => {
        await pass();
        const { task_id } = host.logged('task.accepted').at(-1) as { task_id: string };
        if (!isCancelled) await host.ask(`/tasks/${task_id}/cancel`);
        isCancelled = true;
        return true;
      });

      const args = [own.folder, '--url', between.url, '--name', 'cancelled'];
      const first = await runMakeHere(args, own);
      assert.equal(first.code, 1, first.said);
      assert.match(first.results, /^cancelled +[1-6]$/m);
      const tasks = tasksSoFar();
      const second = await runMakeHere(args, own);
      assert.equal(second.code, 0, second.said);
      assert.match(second.said, /The earlier task "cancelled" was cancelled, so a new one is posted\./);
      assert.equal(tasksSoFar(), tasks + 1);
    });

    test('starts one task if it is killed before the task is posted, or before it learns of it', async () => {
      await using own = await campaign();
      const [tasks, uploads] = [tasksSoFar(), uploadsSoFar()];
      let run: MakeProcess | undefined;
      const kill = async () => {
        process.kill(-(run?.child.pid as number), 'SIGKILL');
        await run?.ended();
        return false;
      };
      const plans: ((pass: () => Promise<void>) => Promise<boolean>)[] = [
        kill,
        async (pass) => {
          await pass();
          return kill();
        },
      ];
      await using between = await proxy(async (pass) => {
        const plan = plans.shift();
        if (plan !== undefined) return plan(pass);
        await pass();
        return true;
      });
      const args = [own.folder, '--url', between.url, '--name', 'killed'];
      for (const counts of [
        [tasks, uploads + 5],
        [tasks + 1, uploads + 5],
      ]) {
        run = startMake(args, own);
        assert.equal(await run.ended(), 'SIGKILL', run.said());
        assert.deepEqual([tasksSoFar(), uploadsSoFar()], counts);
      }
      const last = await runMakeHere(args, own);
      assert.equal(last.code, 0, last.said);
      assert.doesNotMatch(last.said, /uploading/);
      assert.deepEqual([tasksSoFar(), uploadsSoFar()], [tasks + 1, uploads + 5]);

      // Somebody deletes the task: it is posted again. Uploads that are gone are sent again.
      const { task_id } = host.logged('task.accepted').at(-1) as { task_id: string };
      await fetch(`${host.url}/tasks/${task_id}`, { method: 'DELETE' });
      const sent = join(dir.path, 'data/uploads');
      for (const name of (await readdir(sent)).filter((entry) => entry.endsWith('-dog_1')))
        await rm(join(sent, name));
      const anew = await runMakeHere([...args, '--no-open'], own);
      assert.equal(anew.code, 0, anew.said);
      assert.match(anew.said, /The task of the earlier run is not there any more, so it is posted again\./);
      assert.match(anew.said, /has no longer what an earlier run uploaded/);
      assert.equal(tasksSoFar(), tasks + 2);
      const again = await runMakeHere([...args, '--again'], own);
      assert.equal(again.code, 0, again.said);
      assert.equal(tasksSoFar(), tasks + 3);
      assert.doesNotMatch(again.said, /uploading/);
    });
  });
});

/** Passes a request on, and the answer back. */
function forward(url: string, incoming: IncomingMessage, body: Buffer) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    pipeTo: (response: ServerResponse) => void;
  }>();
  const passed = ask(
    `${url}${incoming.url}`,
    { method: incoming.method, headers: incoming.headers },
    (answer) => {
      resolve({
        pipeTo(response) {
          response.writeHead(answer.statusCode as number, answer.headers);
          answer.pipe(response);
        },
      });
    },
  );
  passed.on('error', reject).end(body);
  return promise;
}

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port: String(port),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
