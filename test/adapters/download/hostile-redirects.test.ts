import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type HostileStage,
  PUBLIC,
  PUBLIC_6,
  redirecting,
  startHostileStage,
  titled,
} from '../../fixtures/network/hostile-stage.ts';
import {
  type HostileUrls,
  METADATA_URLS,
  PRIVATE_URLS,
  REFUSED_URLS,
} from '../../fixtures/network/hostile-urls.ts';

/** Leaves out URLs that a header cannot contain, and http:path, which stays on the redirecting host. */
const inRedirects = (groups: HostileUrls) =>
  Object.values(groups)
    .flat()
    .filter((url) => !url.includes('\n') && !/^http:\/?[^/\\]/.test(url));

/** References that only become a URL relative to another one. */
const RELATIVE = [
  '//127.0.0.1:{port}/',
  '//2130706433:{port}/',
  '\\\\127.0.0.1:{port}\\',
  '/\\127.0.0.1:{port}/',
  '\\/127.0.0.1:{port}/',
  '//127.0.0.1:{port}#@93.184.216.34/',
  '//loopback.example:{port}/',
  'http://loopback.example:{port}/',
  'http://public-first.example/',
  'http://alias.example/',
];

describe('redirects', () => {
  let stage: HostileStage;
  before(async () => {
    stage = await startHostileStage({
      'loopback.example': [{ a: ['127.0.0.1'] }],
      'public-first.example': [{ a: [PUBLIC, '10.0.0.1'] }],
      'alias.example': [{ cname: ['metadata.google.internal'], a: ['169.254.169.254'] }],
    });
  });
  after(() => stage[Symbol.asyncDispose]());

  it('among public hosts are followed, five of them', async () => {
    await stage.reaches(redirecting(`http://${PUBLIC}/`, 5, 'fine.example'), [PUBLIC, PUBLIC_6]);
    assert.equal(stage.net.seen.hops, 5);
    await stage.reaches(redirecting('/deep/ä b.mp4'), [PUBLIC]);
    assert.equal(stage.net.seen.connections, stage.attempts.count, 'the counts differ');
  });

  for (const url of [...inRedirects(PRIVATE_URLS), ...inRedirects(METADATA_URLS), ...RELATIVE]) {
    it(`are refused: to ${titled(url)}`, () => stage.led(redirecting(stage.fill(url)), 1, 'address_refused'));
  }

  for (const url of inRedirects(METADATA_URLS)) {
    it(`are refused where private addresses are allowed: to ${titled(url)}`, () =>
      stage.led(
        redirecting(stage.fill(url)),
        1,
        'address_refused',
        /metadata/,
        stage.wired({ allowPrivate: true }),
      ));
  }

  for (const url of inRedirects(REFUSED_URLS)) {
    it(`are refused: to ${titled(url)}`, () =>
      stage.led(
        redirecting(stage.fill(url)),
        1,
        'source_refused',
        undefined,
        stage.wired({ allowPrivate: true }),
      ));
  }

  it('are refused even behind four public hosts', () =>
    stage.led(redirecting(stage.fill('http://127.0.0.1:{port}/'), 5, 'fine.example'), 5, 'address_refused'));

  it('are refused after the fifth, wherever they lead', () =>
    stage.led(redirecting(`http://${PUBLIC}/`, 6), 6, 'source_refused', /at most 5 redirects/));

  it('are refused if they form a loop', () =>
    stage.led(redirecting('', 1), 6, 'source_refused', /at most 5 redirects/));

  it('are all refused, and none is reached', (t) => stage.report(t));
});
