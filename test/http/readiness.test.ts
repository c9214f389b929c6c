import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { createReadiness, type HealthCheck } from '../../functions/http/readiness.ts';

describe('readiness', () => {
  function watched(...checks: HealthCheck[]) {
    const lines: Record<string, unknown>[] = [];
    const log = createLog({ level: 'debug', pretty: false, write: (line) => lines.push(JSON.parse(line)) });
    const clock = { ms: 0 };
    return { lines, clock, ready: createReadiness({ checks, log, now: () => clock.ms }) };
  }
  const check = (failing: () => Promise<string | undefined>, name = 'store'): HealthCheck => ({
    name,
    failing,
  });

  test('names every check, and is there only if all of them pass', async () => {
    const fine = check(async () => undefined);
    const short = check(async () => 'Expected 64 MB, got 1 MB.', 'disk');
    assert.deepEqual(await watched().ready(), { status: 'ready', checks: {} });
    assert.deepEqual(await watched(fine).ready(), { status: 'ready', checks: { store: { status: 'ok' } } });
    assert.deepEqual(await watched(fine, short).ready(), {
      status: 'not_ready',
      checks: { store: { status: 'ok' }, disk: { status: 'failed', detail: 'Expected 64 MB, got 1 MB.' } },
    });
  });

  test('shows strangers nothing of an error, which the log has once for as long as it lasts', async () => {
    let broken = true;
    const { ready, lines, clock } = watched(
      check(() => (broken ? Promise.reject(new Error('/home/you/secret: EIO')) : Promise.resolve(undefined))),
      check(() => {
        if (broken) throw new Error('at once');
        return Promise.resolve(undefined);
      }, 'queue'),
    );
    for (let times = 0; times < 3; times++) {
      const view = await ready();
      assert.equal(view.status, 'not_ready');
      assert.doesNotMatch(JSON.stringify(view), /secret|EIO|at once/);
      clock.ms += 1_000;
    }
    assert.deepEqual(lines.map(({ event, check: name }) => [event, name]).sort(), [
      ['health.failing', 'queue'],
      ['health.failing', 'store'],
    ]);
    assert.match(JSON.stringify(lines), /secret: EIO/);
    broken = false;
    assert.equal((await ready()).status, 'ready');
    assert.equal(lines.filter(({ event }) => event === 'health.working').length, 2);
  });

  test('is looked at once a second, however many ask', async () => {
    let looks = 0;
    const { ready, clock } = watched(
      check(async () => {
        looks++;
        return undefined;
      }),
    );
    await Promise.all(Array.from({ length: 20 }, ready));
    clock.ms += 999;
    await ready();
    assert.equal(looks, 1);
    clock.ms += 1;
    await ready();
    assert.equal(looks, 2);
  });

  test('is missing after two seconds if a check hangs, which is not begun again meanwhile', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let begun = 0;
    const hanging = Promise.withResolvers<undefined>();
    const { ready, clock, lines } = watched(
      check(() => {
        begun++;
        return hanging.promise;
      }),
      check(async () => undefined, 'disk'),
    );
    const ask = async (tick: number) => {
      const asked = ready();
      // Lets the checks begin.
      await new Promise(setImmediate);
      t.mock.timers.tick(tick);
      const view = await asked;
      clock.ms += 1_000;
      return view;
    };
    for (let times = 0; times < 3; times++) {
      const { checks } = await ask(2_000);
      assert.deepEqual(checks['store'], {
        status: 'failed',
        detail: 'Expected an answer within 2 s, got none.',
      });
      assert.deepEqual(checks['disk'], { status: 'ok' });
    }
    assert.equal(begun, 1);
    hanging.resolve(undefined);
    await new Promise(setImmediate);
    assert.equal((await ask(0)).status, 'ready');
    const told = lines.map(({ event, severity }) => [event, severity]);
    assert.deepEqual(told, [
      ['health.failing', 'WARNING'],
      ['health.working', 'NOTICE'],
    ]);
  });
});
