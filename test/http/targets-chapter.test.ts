/** The table of limits and its sources in functions/http/README.md, held against the constants. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { targetSchema } from '../../functions/model/answers/targets.ts';
import { CHECK_IDS, TARGET_LIMITS } from '../../functions/model/target-limits.ts';
import { expectedBy } from '../../functions/model/target-texts.ts';
import { TARGETS } from '../../functions/model/targets.ts';

const CHAPTER = readFileSync(resolve(import.meta.dirname, '../../functions/http/README.md'), 'utf8');
const [, SECTION = ''] = /\n### Targets\n([\s\S]*?)\n## /.exec(CHAPTER) ?? [];

describe('the chapter about targets', () => {
  test('has every limit of every target, and no other; advice is marked', () => {
    const rows = [...SECTION.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, id, cells = '']) => [
      id,
      ...cells.split('|').map((cell) => cell.trim()),
    ]);
    const wanted = CHECK_IDS.map((id) => [
      id,
      ...TARGETS.map((target) => {
        const rule = TARGET_LIMITS[target].rules.find((one) => one.id === id);
        return rule === undefined ? '' : `${expectedBy(rule)}${rule.otherwise === 'note' ? ' *' : ''}`;
      }),
    ]);
    assert.deepEqual(rows, wanted);
  });

  test('names the pages that the limits were read from, and when', () => {
    const items = SECTION.split('\n- ').map((item) => item.replace(/\s+/g, ' '));
    for (const target of TARGETS) {
      const { title, sources } = TARGET_LIMITS[target];
      const item = items.find((text) => text.startsWith(`\`${target}\`: ${title}.`)) ?? '';
      for (const { page, read, copy = '' } of sources)
        assert.ok(item.includes(`<${page}>, ${read}${copy && `, ${copy}`}`), page);
      assert.equal(item.match(/<https:/g)?.length, sources.length, target);
    }
  });

  test('shows an entry as it is', () => {
    const [, example = ''] = /```json\n([\s\S]*?)\n```/.exec(SECTION) ?? [];
    const ajv = new Ajv({ allowUnionTypes: true });
    assert.ok(ajv.validate(targetSchema, JSON.parse(example)), ajv.errorsText());
  });
});
