/** Where dropped files go, what is refused, and links. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { arrange, blockNameOf } from '../../functions/web/compose/arrange.ts';
import { kindOf, mediaTypeOf, refusalOfFile, stemOf } from '../../functions/web/compose/file-kinds.ts';
import { looksLikeLinks, readLinks } from '../../functions/web/compose/links.ts';

const file = (name: string, { size = 1, type = '' } = {}) => ({ name, size, type });
/** Of `folder/folder/name` */
function dropped(...paths: string[]) {
  return paths.map((path) => {
    const parts = path.split('/');
    return { folders: parts.slice(0, -1), file: file(parts.at(-1) as string) };
  });
}
function shape(...paths: string[]) {
  const { blocks, loose, tracks, lines, refused } = arrange(dropped(...paths));
  const names = (files: readonly { name: string }[]) => files.map(({ name }) => name);
  return {
    blocks: Object.fromEntries(blocks.map((block) => [block.name, names(block.files)])),
    loose: names(loose),
    tracks: names(tracks),
    lines: names(lines),
    refused,
  };
}
const NOTHING = { blocks: {}, loose: [], tracks: [], lines: [], refused: [] };

describe('files that are dropped on the page', () => {
  test('become one block per sub-folder of a folder, in natural order and without the numbers', () => {
    const found = shape(
      'ads/10 ctas/buy.mp4',
      'ads/2 bodies/b10.mov',
      'ads/2 bodies/b9.mov',
      'ads/1. hooks/take one/a.mp4',
      'ads/1. hooks/b.png',
      'ads/music/song.mp3',
      'ads/music/film.mp4',
      'ads/lines.txt',
    );
    assert.deepEqual(found, {
      ...NOTHING,
      blocks: { hooks: ['b.png', 'a.mp4'], bodies: ['b9.mov', 'b10.mov'], ctas: ['buy.mp4'] },
      tracks: ['film.mp4', 'song.mp3'],
      lines: ['lines.txt'],
    });
    assert.deepEqual(Object.keys(found.blocks), ['hooks', 'bodies', 'ctas']);
  });

  test('become one block per folder if several folders are dropped', () => {
    assert.deepEqual(shape('hooks/a.mp4', 'ctas/b.mp4', 'bodies/c.mp4').blocks, {
      bodies: ['c.mp4'],
      ctas: ['b.mp4'],
      hooks: ['a.mp4'],
    });
    assert.deepEqual(shape('hooks/a.mp4', 'HOOKS/b.mp4').blocks, { hooks: ['a.mp4', 'b.mp4'] });
  });

  test('are left out with one remark if their names begin with a dot, but for those of systems', () => {
    const refused = (...paths: string[]) => arrange(dropped(...paths)).refused;
    assert.deepEqual(refused('a/.hook.mp4', 'a/b.mp4', 'a/._b.mp4', 'a/.DS_Store'), [
      'Left out .hook.mp4: names that begin with a dot are hidden files. Rename what shall be a clip.',
    ]);
    assert.match(refused('.a.mp4', '.b.mp4')[0] ?? '', /^Left out 2 files such as \.a\.mp4/);
  });

  test('are in the order of an ad where no number says another one', () => {
    const order = (...folders: string[]) => {
      const { blocks, isOrderGuessed } = arrange(dropped(...folders.map((folder) => `${folder}/a.mp4`)));
      return [blocks.map(({ name }) => name).join(), isOrderGuessed];
    };
    assert.deepEqual(order('bodies', 'cta', 'hooks'), ['hooks,bodies,cta', true]);
    assert.deepEqual(order('Aufhänger', 'Ende', 'Körper'), ['Aufhänger,Körper,Ende', true]);
    assert.deepEqual(order('cuerpo', 'ganchos', 'llamada a la acción'), [
      'ganchos,cuerpo,llamada a la acción',
      true,
    ]);
    assert.deepEqual(order('Accroches', 'appel_à_l’action', 'corps'), [
      'Accroches,corps,appel_à_l’action',
      true,
    ]);
    assert.deepEqual(order('a', 'weekend', 'b'), ['a,b,weekend', true]);
    assert.deepEqual(order('1 cta', '2 hooks'), ['cta,hooks', false]);
    assert.deepEqual(order('hooks'), ['hooks', false]);
  });

  test('become one block if a single folder holds all clips, beside its music', () => {
    const found = { ...NOTHING, blocks: { hooks: ['a.mp4', 'b.mp4'] } };
    assert.deepEqual(shape('1 hooks/a.mp4', '1 hooks/b.mp4'), found);
    assert.deepEqual(shape('1 hooks/a.mp4', '1 hooks/b.mp4', '1 hooks/music/c.mp3'), {
      ...found,
      tracks: ['c.mp3'],
    });
  });

  test('stay loose without a folder; sound goes to the music; what systems add is left out', () => {
    assert.deepEqual(shape('b.mp4', 'a.mp4', 'c.wav', '.DS_Store', 'Thumbs.db', '__MACOSX/._a.mp4'), {
      ...NOTHING,
      loose: ['a.mp4', 'b.mp4'],
      tracks: ['c.wav'],
    });
  });

  test('are refused with what they are and the next step if the service does not read them', () => {
    assert.deepEqual(shape('ads/hooks/notes.docx', 'ads/hooks/a.heic', 'ads/hooks/a.mp4'), {
      ...NOTHING,
      blocks: { hooks: ['a.mp4'] },
      refused: [
        'a.heic: expected a video, a picture or sound, got a file of the kind HEIC. Send it as JPEG or PNG.',
        'notes.docx: expected a video, a picture or sound, got a file of the kind DOCX. Leave it out.',
      ],
    });
    assert.match(refusalOfFile(file('a.mp4', { size: 0 })) ?? '', /got 0 bytes\. Export it again\.$/);
    assert.match(refusalOfFile(file('README')) ?? '', /got a file of no known kind/);
  });

  test('keep a block name that is a number only', () => {
    assert.deepEqual(['1 hooks', '02_Bodies', '(3) ctas', '2024', 'a 1'].map(blockNameOf), [
      'hooks',
      'Bodies',
      'ctas',
      '2024',
      'a 1',
    ]);
  });
});

describe('the kind of a file', () => {
  test('is that of its name, else that of its type', () => {
    assert.deepEqual(
      [
        kindOf(file('A.MOV')),
        kindOf(file('a.WebP')),
        kindOf(file('a.m4a')),
        kindOf(file('a', { type: 'video/x-any' })),
        kindOf(file('a.avif', { type: 'image/avif' })),
        kindOf(file('a.txt', { type: 'text/plain' })),
      ],
      ['film', 'picture', 'sound', 'film', undefined, undefined],
    );
  });

  test('gives an upload a type that the service takes', () => {
    assert.equal(mediaTypeOf(file('a.mov', { type: 'video/quicktime' })), 'video/quicktime');
    assert.equal(mediaTypeOf(file('a.mkv')), 'video/mp4');
    assert.equal(mediaTypeOf(file('a.mp4', { type: 'video/mp4; codecs=x' })), 'video/mp4');
  });

  test('leaves the name without it', () => {
    assert.deepEqual(['a.b.mp4', '.mp4', 'v1', 'Ä 1.MOV'].map(stemOf), ['a.b', '.mp4', 'v1', 'Ä 1']);
  });
});

describe('links that are pasted', () => {
  test('are read one per line, and named after their file', () => {
    const { links, mistakes } = readLinks(
      ' https://a.test/x/hook%20a.mp4?sig=1 \r\n\ngs://bucket/dir/b.mov\nhttps://drive.google.com/file/d/1AbCdEfGh/view\nhttp://a.test',
    );
    assert.deepEqual(
      links.map(({ name }) => name),
      ['hook a', 'b', 'Drive 1AbCdE', 'a.test'],
    );
    assert.deepEqual([links[0]?.url, mistakes], ['https://a.test/x/hook%20a.mp4?sig=1', []]);
  });

  test('are refused one by one, with the next step', () => {
    const { links, mistakes } = readLinks(
      [
        'example.com/a.mp4',
        'https://a.test/#1.mp4',
        'https://a.test/a b.mp4',
        'https://drive.google.com/drive/folders/1a',
        'C:\\a.mp4',
      ].join('\n'),
    );
    assert.deepEqual(links, []);
    assert.deepEqual(
      mistakes.map((text) =>
        text
          .slice(text.indexOf(':') + 1)
          .trim()
          .split('. ')
          .at(-1),
      ),
      [
        'Copy the whole address.',
        mistakes[1]?.split('. ').at(-1),
        'Write a blank as %20.',
        'Copy the link of each file in it.',
        'Copy the whole address.',
      ],
    );
    assert.match(mistakes[1] ?? '', /Write %23/);
  });

  test('are told from other text', () => {
    assert.deepEqual(
      ['https://a.test/a', ' gs://b/c\n', 'see https://a.test', 'upload'].map(looksLikeLinks),
      [true, true, false, false],
    );
  });
});
