/** infra/cloud/dead-letters.sh, with the real gcloud, on messages of the Pub/Sub emulator. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, dirname, join, resolve } from 'node:path';
import { json } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { PubSub } from '@google-cloud/pubsub';
import { createPubSubQueue } from '../../functions/adapters/pubsub/pubsub.ts';
import { readPush } from '../../functions/adapters/pubsub/push.ts';
import type { DeadLetterMessage, Message, Topic, WorkMessage } from '../../functions/model/messages.ts';
import { provision } from '../../infra/emulators/provision.ts';
import { TIMEOUT_MS, until } from '../contracts/harness.ts';
import { newProject, ON_EMULATORS, useEmulators } from '../fixtures/hosts/emulators.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

useEmulators();

const ROOT = resolve(import.meta.dirname, '../..');
const SCRIPT = 'infra/cloud/dead-letters.sh';
const run = promisify(execFile);

function letterOf(message: WorkMessage): DeadLetterMessage {
  return { topic: 'dead-letter', taskId: message.taskId, message, reason: 'Firestore was away' };
}

/** A project whose function of dead letters refuses them; the other functions take what is replayed. */
async function openProject() {
  await using opening = new AsyncDisposableStack();
  const dir = opening.use(await tempDir()).path;
  const projectId = newProject();
  const refused: Message[] = [];
  const taken: Message[] = [];
  let takesLetters = false;
  const server = createServer(async (request, response) => {
    const topic = request.url?.slice(1) as Topic;
    const pushed = readPush(await json(request), topic);
    if (!('malformed' in pushed))
      (topic === 'dead-letter' && !takesLetters ? refused : taken).push(pushed.message);
    response.writeHead(topic === 'dead-letter' && !takesLetters ? 503 : 204).end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  opening.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const urls = {
    prepare: `${origin}/prepare`,
    render: `${origin}/render`,
    deadLetter: `${origin}/dead-letter`,
  };
  await provision({ projectId, urls, impatient: true });
  opening.defer(() => provision({ projectId, urls: {} }));
  const pubsub = new PubSub({ projectId });
  opening.defer(() => pubsub.close());
  const queue = opening.use(createPubSubQueue({ projectId }));
  const token = join(dir, 'token');
  await writeFile(token, 'ya29.owner');
  const env = {
    // This Node before the shell's.
    PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`,
    HOME: dir,
    CLOUDSDK_CONFIG: join(dir, 'gcloud'),
    CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: token,
    CLOUDSDK_CORE_ACCOUNT: 'owner@example.com',
    CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: '1',
    CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: '1',
    CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB: `http://${process.env['PUBSUB_EMULATOR_HOST']}/`,
    PROJECT_ID: projectId,
    PROJECT_NUMBER: '123456789012',
  };
  const disposables = opening.move();
  return {
    env,
    queue,
    refused,
    taken,
    takeLetters() {
      takesLetters = true;
    },
    async endpoint() {
      const [{ pushConfig }] = await pubsub.subscription('every-cut-dead-letter-push').getMetadata();
      return pushConfig?.pushEndpoint;
    },
    pushesTo: urls.deadLetter,
    async pauseForEver() {
      await pubsub.subscription('every-cut-dead-letter-push').modifyPushConfig({});
    },
    /** Runs the script until it has printed each of these, then presses Ctrl-C. */
    async look(args: string[], ...seen: RegExp[]) {
      const child = spawn(SCRIPT, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (some: string) => {
        output += some;
      });
      const ended = once(child, 'close');
      await until(
        () => seen.every((one) => one.test(output)),
        `${seen.join(' and ')} from ${args.join(' ')}`,
      );
      child.kill('SIGINT');
      await ended;
      return output;
    },
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

describe('dead letters in the cloud', { timeout: 3 * TIMEOUT_MS, ...ON_EMULATORS }, () => {
  test('that are not recorded are shown and kept, and the work of one task goes back into its queues', async () => {
    await using project = await openProject();
    const works: WorkMessage[] = [
      { topic: 'render', taskId: 'task-a', index: 3 },
      { topic: 'prepare', taskId: 'task-a', source: 1 },
      { topic: 'render', taskId: 'task-b', index: 1 },
    ];
    await project.queue.publish(works.map(letterOf));
    await until(
      () => new Set(project.refused.map((one) => JSON.stringify(one))).size === 3,
      'each was refused',
    );

    const shown = await project.look(
      ['waiting'],
      /\ttask-a: combination 3: Firestore was away\n/,
      /\ttask-a: source 1: Firestore was away\n/,
      /\ttask-b: combination 1: Firestore was away\n/,
    );
    assert.match(
      shown,
      /3 dead letters waiting, 0 put back into the queues\nPushes of dead letters go on\.\n$/,
    );
    assert.equal(await project.endpoint(), project.pushesTo);
    assert.deepEqual(project.taken, []);

    const replayed = await project.look(['replay', 'task-a'], /task-a: combination 3/, /task-a: source 1/);
    assert.match(replayed, /, 2 put back into the queues\n/);
    assert.doesNotMatch(replayed, /task-b/);
    await until(() => project.taken.length === 2, 'the work of task-a');
    const byTopic = (one: Message, two: Message) => one.topic.localeCompare(two.topic);
    assert.deepEqual(project.taken.toSorted(byTopic), works.slice(0, 2).toSorted(byTopic));
    // The other one is recorded as soon as the function can.
    project.takeLetters();
    await until(() => project.taken.length === 3, 'the letter of task-b');
    assert.deepEqual(project.taken[2], letterOf(works[2] as WorkMessage));
  });

  test('whose pushes were left off, because the script was killed, are a case for subscribe.sh', async () => {
    await using project = await openProject();
    await project.pauseForEver();
    const stderr = /an earlier run was killed\. Next step: run infra\/cloud\/subscribe\.sh/;
    await assert.rejects(run(SCRIPT, ['replay'], { cwd: ROOT, env: project.env }), { code: 1, stderr });
  });

  test('that were recorded are listed from the log', async () => {
    await using project = await openProject();
    let asked: { filter?: string; resourceNames?: string[] } = {};
    await using logging = createServer(async (request, response) => {
      asked = (await json(request)) as typeof asked;
      const jsonPayload = {
        event: 'message.dead_lettered',
        task_id: 'task-a',
        message: 'Gave up on combination 3',
      };
      const entries = [{ insertId: '1', timestamp: '2026-11-30T10:00:00Z', jsonPayload }];
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ entries }));
    });
    await new Promise<void>((listening) => logging.listen(0, '127.0.0.1', listening));
    const url = `http://127.0.0.1:${(logging.address() as AddressInfo).port}/`;
    const { stdout } = await run(SCRIPT, ['list'], {
      cwd: ROOT,
      env: { ...project.env, CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING: url },
    });
    assert.equal(stdout, '2026-11-30T10:00:00Z\ttask-a\tGave up on combination 3\n');
    assert.match(asked.filter ?? '', /timestamp>="20.*jsonPayload\.event="message\.dead_lettered"/);
    assert.deepEqual(asked.resourceNames, [`projects/${project.env.PROJECT_ID}`]);
    await assert.rejects(run(SCRIPT, ['lst'], { cwd: ROOT, env: project.env }), {
      code: 1,
      stderr: /Expected list, waiting or replay, got lst/,
    });
  });
});
