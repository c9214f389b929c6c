import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { maskUploadId, nameInUploadId, uploadId } from '../../functions/model/upload-id.ts';

describe('ids of uploads', () => {
  const names: readonly [fileName: string, name: string][] = [
    ['Hook A.mp4', 'Hook_A'],
    ['C:\\clips\\hook.final.mov', 'hook_final'],
    ['../../etc/passwd', 'passwd'],
    ['100%25 für alle.mp4', '100_25_für_alle'],
    ['クリップ.mp4', 'クリップ'],
    ['...', 'clip'],
    ['a/', 'clip'],
    [`${'x'.repeat(39)}_tail.mp4`, 'x'.repeat(39)],
  ];
  for (const [fileName, name] of names) {
    test(`name the clip of ${JSON.stringify(fileName)}`, () => {
      const id = uploadId('0123456789abcdef'.repeat(2), fileName);
      assert.equal(nameInUploadId(id), name);
      assert.match(id, /^[0-9a-f]{32}-/);
      assert.equal(maskUploadId(id), `upload:${name}`);
    });
  }

  const random = 'a'.repeat(32);
  for (const id of [
    '',
    random,
    `${random}-`,
    `${random}-a/b`,
    `${random}-..`,
    `${random}-a.mp4`,
    `A${random}-a`,
  ]) {
    test(`are not ${JSON.stringify(id)}`, () => assert.equal(nameInUploadId(id), undefined));
  }
});
