import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { createRefusalLog } from '../../functions/http/refusal-log.ts';
import type { Json } from '../fixtures/hosts/host.ts';

function started(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lines: Json[] = [];
  const log = createLog({
    level: 'info',
    pretty: false,
    write: (line) => lines.push(JSON.parse(line) as Json),
  });
  return { refusals: createRefusalLog(log), lines };
}

describe('the log of refused requests', () => {
  test('has one line for each, with code and address', (t) => {
    const { refusals, lines } = started(t);
    refusals.refused('192.0.2.1', 'unauthorized');
    refusals.refused('192.0.2.1', 'cross_site');
    assert.deepEqual(
      lines.map(({ severity, event, code, address }) => [severity, event, code, address]),
      [
        ['WARNING', 'request.refused', 'unauthorized', '192.0.2.1'],
        ['WARNING', 'request.refused', 'cross_site', '192.0.2.1'],
      ],
    );
    assert.equal(
      lines[0]?.['message'],
      'Refused a request from 192.0.2.1: The API key is missing or wrong (unauthorized)',
    );
  });

  test('has ten lines a minute for one address, and one that counts the others', (t) => {
    const { refusals, lines } = started(t);
    for (let times = 0; times < 5_000; times++) refusals.refused('192.0.2.1', 'unauthorized');
    refusals.refused('192.0.2.2', 'wrong_host');
    assert.equal(lines.length, 11);
    t.mock.timers.tick(60_000);
    assert.deepEqual(
      [lines.length, lines.at(-1)?.['event'], lines.at(-1)?.['count']],
      [12, 'request.refused', 4_990],
    );
    refusals.refused('192.0.2.1', 'unauthorized');
    t.mock.timers.tick(60_000);
    assert.equal(lines.length, 13, 'a new minute, with nothing left out');
  });

  test('has a limited number of lines a minute, however many addresses a flood comes from', (t) => {
    const { refusals, lines } = started(t);
    for (let from = 0; from < 10_000; from++) {
      refusals.refused(`2001:db8:0:${from.toString(16)}::/64`, 'unauthorized');
      refusals.lockedOut(`2001:db8:0:${from.toString(16)}::/64`);
    }
    assert.equal(lines.length, 200);
  });
});
