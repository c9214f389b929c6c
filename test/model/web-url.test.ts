import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maskText, maskUrl, webUrlRefusal } from '../../functions/model/web-url.ts';

describe('maskUrl', () => {
  const long = `/${'a'.repeat(400)}`;
  const table: readonly [url: string, masked: string][] = [
    ['https://example.com/a.mp4', 'https://example.com/a.mp4'],
    [
      'https://me:pw@example.com:8443/a.mp4?X-Amz-Signature=abc&token#frag',
      'https://example.com:8443/a.mp4?***',
    ],
    ['gs://bucket/a.mp4', 'gs://bucket/a.mp4'],
    ['me:pw@example.com/a.mp4', 'me:***'],
    ['data:text/plain,secret', 'data:***'],
    ['mailto:me@example.com?subject=secret', 'mailto:***'],
    [`https://example.com${long}?x`, `https://example.com${long.slice(0, 300)}…?***`],
    [`${'a'.repeat(40)}:b`, `${'a'.repeat(20)}***`],
  ];
  for (const [url, masked] of table) {
    it(`turns ${url.slice(0, 80)} into ${masked.slice(0, 80)}`, () =>
      assert.equal(maskUrl(new URL(url)), masked));
  }
});

describe('maskText', () => {
  const table: readonly [text: string, masked: string][] = [
    ['clip.mp4', 'clip.mp4'],
    ['me:pw@host/a.mp4?sig=1', '***@host/a.mp4?***'],
    ['https:/me:p?w@host', 'https:/***@host'],
    ['a@b@c/d@e\n?\nx', '***@c/***@e\n?***'],
  ];
  for (const [text, masked] of table) {
    it(`turns ${JSON.stringify(text)} into ${JSON.stringify(masked)}`, () =>
      assert.equal(maskText(text), masked));
  }
});

describe('webUrlRefusal', () => {
  const got = (url: string, schemes?: readonly string[]) => webUrlRefusal(new URL(url), schemes)?.got;

  it('accepts ordinary URLs on any port', () => {
    for (const url of [
      'http://h/',
      'https://h/a?b#c',
      'http://h:8080/',
      'https://h:443/',
      'http://h:65535/',
    ]) {
      assert.equal(got(url), undefined, url);
    }
  });

  it('refuses every other scheme unless it is allowed explicitly', () => {
    for (const url of [
      'file:///a',
      'ftp://h/',
      'gopher://h/',
      'data:,a',
      'javascript:1',
      'blob:https://h/1',
      'ws://h/',
    ]) {
      assert.match(got(url) ?? '', /^the scheme "/, url);
    }
    assert.match(got('gs://b/o') ?? '', /scheme/);
    assert.equal(got('gs://b/o', ['gs:']), undefined);
  });

  it('refuses a user name, a password, and both, and shows neither', () => {
    for (const login of ['s3cret', ':s3cret', 's3cret:s3cret', '%73']) {
      assert.equal(got(`https://${login}@h/`), 'one with a user name or password');
    }
    assert.equal(got('gs://s3cret@b/o', ['gs:']), 'one with a user name or password');
  });

  it('refuses the ports that browsers refuse, which no web server has', () => {
    for (const port of [0, 22, 25, 110, 143, 465, 587, 993, 6000, 6667, 10080]) {
      assert.equal(got(`http://h:${port}/`), `one with port ${port}, which is not a web port`);
    }
  });
});
