import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diskName } from '../../../functions/adapters/shared/disk-name.ts';
import { cutToBytes } from '../../../functions/model/names.ts';

const TABLE: readonly { name: string; posix: string; windows: string }[] = [
  { name: 'spring sale', posix: 'spring sale', windows: 'spring sale' },
  { name: 'Frühling 🎬 50%', posix: 'Frühling 🎬 50%', windows: 'Frühling 🎬 50%' },
  { name: '.hidden', posix: '.hidden', windows: '.hidden' },
  { name: 'a/b', posix: 'a_b', windows: 'a_b' },
  { name: '/etc/passwd', posix: '_etc_passwd', windows: '_etc_passwd' },
  { name: '../../up', posix: '.._.._up', windows: '.._.._up' },
  { name: '.', posix: '_', windows: '_' },
  { name: '..', posix: '__', windows: '__' },
  { name: '...', posix: '...', windows: '___' },
  { name: '', posix: '_', windows: '_' },
  { name: 'nul\0byte', posix: 'nul_byte', windows: 'nul_byte' },
  { name: 'tab\there', posix: 'tab_here', windows: 'tab_here' },
  { name: 'red \x1b[31m \x9b0m', posix: 'red _[31m _0m', windows: 'red _[31m _0m' },
  { name: 'ad\u202e4pm.exe', posix: 'ad_4pm.exe', windows: 'ad_4pm.exe' },
  { name: '\u2066\u200e\u061c\u2028\u200b\ufeff', posix: '______', windows: '______' },
  // Soft hyphen, joiner of graphemes, Hangul and Braille blanks, a tag: each would make a second "ad" that looks the same.
  { name: 'ad\u00ad\u034f\u115f\u3164\uffa0\u2800\u180e', posix: 'ad_______', windows: 'ad_______' },
  { name: 'ad\u{e0041}', posix: 'ad_', windows: 'ad_' },
  { name: '❤\ufe0f क\u094d\u200dष', posix: '❤\ufe0f क\u094d\u200dष', windows: '❤\ufe0f क\u094d\u200dष' },
  {
    name: 'می\u200cخواهم 👩\u200d👧',
    posix: 'می\u200cخواهم 👩\u200d👧',
    windows: 'می\u200cخواهم 👩\u200d👧',
  },
  { name: 'a<b>c:d"e\\f|g?h*i', posix: 'a<b>c:d"e\\f|g?h*i', windows: 'a_b_c_d_e_f_g_h_i' },
  { name: 'C:\\Windows', posix: 'C:\\Windows', windows: 'C__Windows' },
  { name: 'ends. . ', posix: 'ends. . ', windows: 'ends____' },
  { name: ' ', posix: ' ', windows: '_' },
  { name: 'con', posix: 'con', windows: 'con_' },
  { name: 'LPT1.mp4', posix: 'LPT1.mp4', windows: 'LPT1_.mp4' },
  { name: 'console', posix: 'console', windows: 'console' },
  { name: 'half \ud800 pair', posix: 'half \ufffd pair', windows: 'half \ufffd pair' },
  { name: 'x'.repeat(300), posix: 'x'.repeat(255), windows: 'x'.repeat(255) },
  { name: '🎬'.repeat(100), posix: '🎬'.repeat(63), windows: '🎬'.repeat(63) },
  { name: `${'x'.repeat(254)}. end`, posix: `${'x'.repeat(254)}.`, windows: `${'x'.repeat(254)}_` },
];

describe('a name on disk', () => {
  for (const { name, posix, windows } of TABLE) {
    const shown = JSON.stringify(name.length > 40 ? `${name.slice(0, 20)}… (${name.length})` : name);
    it(`keeps what the system allows: ${shown}`, () => {
      assert.equal(diskName(name, 'linux'), posix);
      assert.equal(diskName(name, 'darwin'), posix);
      assert.equal(diskName(name, 'win32'), windows);
    });
  }

  it('stays the same when it is made safe again', () => {
    for (const platform of ['linux', 'win32'] as const) {
      for (const { name } of TABLE) {
        const once = diskName(name, platform);
        assert.equal(diskName(once, platform), once);
      }
    }
  });

  it('is cut only between characters', () => {
    assert.equal(cutToBytes('aä🎬', 7), 'aä🎬');
    assert.equal(cutToBytes('aä🎬', 6), 'aä');
    assert.equal(cutToBytes('aä🎬', 2), 'a');
  });
});
