import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ServiceError } from '../../functions/client/client.ts';
import type { RenderView } from '../../functions/model/answers/render.ts';
import { blockNames } from '../../infra/make/block-names.ts';
import { decodeText } from '../../infra/make/decode-text.ts';
import { explained } from '../../infra/make/explained.ts';
import { byNumber } from '../../infra/make/folder-entries.ts';
import { helpText } from '../../infra/make/help.ts';
import type { LocalFile } from '../../infra/make/local-files.ts';
import { openNote } from '../../infra/make/note.ts';
import { openerFor } from '../../infra/make/open-folder.ts';
import { readOptions } from '../../infra/make/options.ts';
import { makeOwnFolder } from '../../infra/make/own-folder.ts';
import { type Job, type JobOptions, readJob } from '../../infra/make/read-job.ts';
import { linesOfCsv, linesOfText } from '../../infra/make/read-lines.ts';
import { reportTable } from '../../infra/report/report-table.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const NO_OPTIONS: JobOptions = {
  formats: undefined,
  captions: undefined,
  limit: undefined,
  name: undefined,
  voice: undefined,
  fit: undefined,
  language: undefined,
  seed: undefined,
  dryRun: false,
};
const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');

/** Paths below a folder, with what is in the files; a path that ends in a slash is a folder. */
type Tree = Readonly<Record<string, string | Uint8Array>>;

async function plant(tree: Tree): Promise<TempDir> {
  const dir = await tempDir();
  for (const [path, content] of Object.entries(tree)) {
    const full = join(dir.path, path);
    await mkdir(path.endsWith('/') ? full : dirname(full), { recursive: true });
    if (!path.endsWith('/')) await writeFile(full, content);
  }
  return dir;
}

/** Reads `spring` of the tree. */
async function jobOf(tree: Tree, options: Partial<JobOptions> = {}, ignored: string[] = []) {
  const dir = await plant(tree);
  const target = join(dir.path, 'spring');
  return {
    dir,
    job: await readJob(
      target,
      { ...NO_OPTIONS, ...options },
      ignored.map((name) => join(target, name)),
    ),
  };
}

function names({ request }: Job): unknown {
  const short = (url: string | { url: string }) =>
    decodeURIComponent(
      String(typeof url === 'string' ? url : url.url)
        .split('/')
        .slice(-2)
        .join('/'),
    );
  const blocks = request['video_blocks'] as { name: string; urls: string[] }[];
  return Object.fromEntries(blocks.map(({ name, urls }) => [name, urls.map(short)]));
}

describe('a folder of clips', () => {
  test('is a request: sub-folders are blocks in the order of their names, with music, lines and task.json', async () => {
    const { dir, job } = await jobOf(
      {
        'spring/1 hooks/clip 10.mp4': 'x',
        'spring/1 hooks/clip 2.MOV': 'x',
        'spring/2_bodies/a.webm': 'x',
        'spring/10. ctas/photo.JPG': 'x',
        'spring/Music/song.mp3': 'x',
        'spring/lines.txt': '\ufeffHello there.\r\n\r\n  Buy now!  \n',
        'spring/task.json':
          '{ "audio": { "music_db": -6 }, "output": { "fit": "cover" }, "limit": 3, "overlays": [{ "image": "logo.png" }] }',
        'spring/logo.png': 'x',
        'spring/notes.md': 'not read',
        'spring/line.txt': 'nearly',
      },
      { formats: ['9x16'], captions: 'burn', limit: 12 },
    );
    await using _ = dir;
    assert.deepEqual(names(job), {
      hooks: ['1 hooks/clip 2.MOV', '1 hooks/clip 10.mp4'],
      bodies: ['2_bodies/a.webm'],
      ctas: ['10. ctas/photo.JPG'],
    });
    const { video_blocks: _blocks, audio_blocks, overlays, ...rest } = job.request;
    assert.deepEqual(rest, {
      task_name: 'spring',
      text_to_speech: [
        { text: 'Hello there.', voice: 'Sarah' },
        { text: 'Buy now!', voice: 'Sarah' },
      ],
      audio: { music_db: -6 },
      output: { fit: 'cover', formats: ['9x16'] },
      captions: { mode: 'burn' },
      limit: 12,
    });
    assert.deepEqual(audio_blocks, [
      { name: 'music', urls: [pathToFileURL(join(job.target, 'Music/song.mp3')).href] },
    ]);
    assert.deepEqual(overlays, [{ image: pathToFileURL(join(job.target, 'logo.png')).href }]);
    assert.equal(job.files.size, 6);
    assert.equal([...job.files.values()].find(({ path }) => path.endsWith('MOV'))?.type, 'video/quicktime');
    assert.deepEqual(job.notes, ['line.txt is not read: only lines.txt, lines.csv and task.json are.']);
  });

  test('ignores what systems put into folders, what is hidden, and the folders of our own', async () => {
    const { dir, job } = await jobOf(
      {
        'spring/.git/x.mp4': 'x',
        'spring/__MACOSX/x.mp4': 'x',
        'spring/output/old.mp4': 'x',
        'spring/.DS_Store': 'x',
        'spring/a/.DS_Store': 'x',
        'spring/a/._a.mp4': 'x',
        'spring/a/Thumbs.db': 'x',
        'spring/a/desktop.ini': 'x',
        'spring/a/a.mp4': 'x',
      },
      {},
      ['output', '.data'],
    );
    await using _ = dir;
    assert.deepEqual(names(job), { a: ['a/a.mp4'] });
  });

  test('may have any names, and clips that are links: they are the same file', async () => {
    const odd = ['#1 50% off.mp4', 'Grüße.mp4', 'Gru\u0308n.mp4', '🐈 "q" \'s\'.mp4', 'a?b&c=d;e.mp4'];
    await using dir = await plant(Object.fromEntries(odd.map((name) => [`spring/ä #1 %20/${name}`, 'x'])));
    const block = join(dir.path, 'spring/ä #1 %20');
    await symlink(odd[0] as string, join(block, 'link.mp4'));
    await symlink(block, join(dir.path, 'spring/zz'));
    const job = await readJob(join(dir.path, 'spring'), NO_OPTIONS, []);
    const blocks = names(job) as Record<string, string[]>;
    assert.deepEqual(Object.keys(blocks), ['ä #1 %20', 'zz']);
    assert.deepEqual(
      new Set(blocks['ä #1 %20']),
      new Set([...odd, 'link.mp4'].map((name) => `ä #1 %20/${name}`)),
    );
    assert.equal(job.files.size, 12);
    assert.equal(new Set([...job.files.values()].map(({ real }) => real)).size, 5);
  });

  const WRONG: [what: string, tree: Tree, options: Partial<JobOptions>, mistakes: RegExp[]][] = [
    [
      'there is none',
      {},
      {},
      [/^Expected a folder of clips or a request file, got none at .*spring\. Next step: /],
    ],
    ['it is empty', { 'spring/': '' }, {}, [/sub-folder for each part .*, got none\. Make these/]],
    [
      'clips lie loose',
      { 'spring/b.mp4': 'x', 'spring/a.mp4': 'x', 'spring/c.mp3': 'x', 'spring/d.mov': 'x' },
      {},
      [
        /got 4 files that lie loose: a\.mp4, b\.mp4, c\.mp3, …\. Make these folders, and put the clips into them\./,
      ],
    ],
    ['there is only music', { 'spring/music/a.mp3': 'x' }, {}, [/"1 hooks" and "2 bodies", got only music/]],
    [
      'a sub-folder is empty',
      { 'spring/a/a.mp4': 'x', 'spring/b/.DS_Store': '' },
      {},
      [/^ {2}b: expected at least one clip/m],
    ],
    [
      'it has what is no clip',
      {
        'spring/a/a.mp4': 'x',
        'spring/a/notes.txt': 'x',
        'spring/a/song.mp3': 'x',
        'spring/music/cover.jpg': 'x',
      },
      {},
      [
        /a\/notes\.txt: .*ends in \.txt\. Move it away/,
        /a\/song\.mp3: /,
        /music\/cover\.jpg: expected a track/,
        /3 mistakes/,
      ],
    ],
    [
      'it is the folder above',
      { 'spring/may/1 a/a.mp4': 'x', 'spring/may/2 b/b.mp4': 'x' },
      {},
      [
        /may: expected clips, got only folders \(1 a, 2 b\)\. .*give .*spring\/may as the folder/,
        /1 mistake;/,
      ],
    ],
    [
      'it is the folder above several',
      {
        'spring/may/1 a/a.mp4': 'x',
        'spring/may/lines.txt': 'Hello',
        'spring/june/1 a/a.mp4': 'x',
        'spring/june/task.json': '{}',
      },
      {},
      [/1 mistake;[\s\S]*got folders that hold such folders\. Name one of these: \S*\/june, \S*\/may\.$/],
    ],
    [
      'a part has too many clips, and there are too many lines',
      {
        ...Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`spring/a/${at}.mp4`, 'x'])),
        'spring/lines.txt': 'Hello\n'.repeat(1001),
      },
      {},
      [
        / {2}a: expected at most 1000 clips, got 1001\./,
        /lines\.txt: expected at most 1000 lines, got 1001\./,
      ],
    ],
    [
      'its request is larger than the service takes',
      { 'spring/a/a.mp4': 'x', 'spring/lines.txt': `${'long '.repeat(900)}\n`.repeat(60) },
      {},
      [/expected a request of at most 256 KB, got 2\d\d KB/],
    ],
    [
      'a text is larger than a text is',
      { 'spring/a/a.mp4': 'x', 'spring/lines.txt': Buffer.alloc(5_000_001, 'x') },
      {},
      [/lines\.txt: expected a text of at most 5 MB, got 6 MB\./],
    ],
    [
      'it is quite another folder',
      Object.fromEntries(
        ['a/1', 'a/2', 'b/3/x', 'b/4', 'c/5', 'd/6', 'd/7.png'].map((name) => [`spring/${name}`, 'x']),
      ),
      {},
      [
        /1 mistake;[\s\S]*expected sub-folders with nothing but clips .*, got 6 other .*, such as a\/1\. Give/,
      ],
    ],
    [
      'there are folders in a block',
      { 'spring/a/a.mp4': 'x', 'spring/a/old/b.mp4': 'x' },
      {},
      [/a\/old: expected only clips, got a folder/],
    ],
    ['a clip is empty', { 'spring/a/a.mp4': '' }, {}, [/a\/a\.mp4: expected a file with content/]],
    [
      'clips lie beside blocks',
      { 'spring/a/a.mp4': 'x', 'spring/b.mp4': 'x', 'spring/c.mp3': 'x' },
      {},
      [/b\.mp4: expected clips and tracks in sub-folders/, /c\.mp3: .* Put it into music\//],
    ],
    [
      'lines are empty',
      { 'spring/a/a.mp4': 'x', 'spring/lines.txt': '\n \n' },
      {},
      [/lines\.txt: expected a spoken line/],
    ],
    [
      'lines are there twice',
      { 'spring/a/a.mp4': 'x', 'spring/lines.txt': 'a', 'spring/lines.csv': 'text\na' },
      {},
      [/lines\.txt: expected it or lines\.csv, got both/],
    ],
    [
      'a text is not UTF-8',
      { 'spring/a/a.mp4': 'x', 'spring/lines.txt': Buffer.from('Hello\nGr\xfc\xdfe\n', 'latin1') },
      {},
      [
        /lines\.txt: expected text in UTF-8, got another encoding in line 2 \(perhaps Windows-1252: "Grüße"\)/,
      ],
    ],
    [
      'task.json is no JSON',
      { 'spring/a/a.mp4': 'x', 'spring/task.json': '{ "limit": }' },
      {},
      [/task\.json: expected JSON/],
    ],
    [
      'task.json is no object',
      { 'spring/a/a.mp4': 'x', 'spring/task.json': '[]' },
      {},
      [/task\.json: expected an object/],
    ],
    [
      'task.json has what the folder has',
      {
        'spring/a/a.mp4': 'x',
        'spring/music/a.mp3': 'x',
        'spring/lines.txt': 'Hello',
        'spring/task.json': '{ "video_blocks": {}, "audio_blocks": {}, "text_to_speech": [] }',
      },
      {},
      [
        /no video_blocks beside folders of clips/,
        /no audio_blocks beside a folder of music/,
        /no text_to_speech beside/,
      ],
    ],
    [
      'task.json names a file that is not there',
      { 'spring/a/a.mp4': 'x', 'spring/task.json': '{ "overlays": [{ "image": "logo.png" }] }' },
      {},
      [/ {2}logo\.png: expected a file there, got none/],
    ],
    [
      '--voice has nothing to say',
      { 'spring/a/a.mp4': 'x' },
      { voice: 'Brian' },
      [/--voice: expected lines\.txt/],
    ],
    ['it is a text', { spring: 'x' }, {}, [/spring: expected JSON, got something else/]],
  ];

  for (const [what, tree, options, mistakes] of WRONG) {
    test(`is refused with all that is wrong if ${what}`, async () => {
      await using dir = await plant(tree);
      const reading = readJob(join(dir.path, 'spring'), { ...NO_OPTIONS, ...options }, []);
      const error: Error = await reading.then(
        () => assert.fail(),
        (reason) => reason,
      );
      for (const mistake of mistakes) assert.match(error.message, mistake);
    });
  }

  test('is refused if links lead nowhere, or what it has is no file', async () => {
    await using dir = await plant({ 'spring/a/a.mp4': 'x' });
    await symlink('gone.mp4', join(dir.path, 'spring/a/b.mp4'));
    await symlink('circle', join(dir.path, 'spring/circle'));
    await symlink('/dev/null', join(dir.path, 'spring/lines.txt'));
    const reading = readJob(join(dir.path, 'spring'), NO_OPTIONS, []);
    await assert.rejects(
      reading,
      /circle: expected a file or folder, got something else, such as a link to none[\s\S]*lines\.txt: [\s\S]*a\/b\.mp4: /,
    );
  });

  test('has music in a folder of that name, in several languages', async () => {
    const all = ['Musik', '3 MUSIQUE', 'Mu\u0301sica', 'musica', 'Audio', '4. soundtrack'];
    const tree = Object.fromEntries(all.map((name) => [`spring/${name}/${name}.mp3`, 'x']));
    const { dir, job } = await jobOf({ 'spring/1 a/a.mp4': 'x', ...tree });
    await using _ = dir;
    assert.deepEqual(Object.keys(names(job) as object), ['a']);
    assert.equal((job.request['audio_blocks'] as [{ urls: string[] }])[0].urls.length, all.length);
  });

  test('says in which order its parts are if no number does', async () => {
    const { dir, job } = await jobOf({ 'spring/Hooks/a.mp4': 'x', 'spring/CTA/a.mp4': 'x' });
    await using _ = dir;
    assert.deepEqual(job.notes, [
      'Videos are joined in the order of the names: CTA, Hooks. To change it, put numbers in front of the folders, such as "1 CTA", "2 Hooks".',
    ]);
  });

  test('has one seed for the same clips, lines and options, wherever it lies', async () => {
    const tree = { 'spring/a/a.mp4': 'x', 'spring/lines.txt': 'Hello' };
    const seedOf = async (more: Tree = {}, options: Partial<JobOptions> = {}) => {
      const { dir, job } = await jobOf({ ...tree, ...more }, options);
      await using _ = dir;
      return job.seed;
    };
    const seed = await seedOf();
    assert.equal(await seedOf({}, { dryRun: true }), seed);
    const others = [
      await seedOf({ 'spring/a/a.mp4': 'xy' }),
      await seedOf({ 'spring/lines.txt': 'Hi' }),
      await seedOf({}, { limit: 1 }),
    ];
    assert.equal(new Set([seed, ...others]).size, 4);
    assert.ok([seed, ...others].every((one) => Number.isInteger(one) && one >= 0 && one < 2 ** 32));
    assert.equal(await seedOf({}, { seed: 7 }), 7);
    assert.equal(await seedOf({ 'spring/task.json': '{"seed":8}' }), 8);
  });

  test('has the language of the command line for lines that name none', async () => {
    const csv = 'text,language\nHallo,\nHello,en\n';
    const { dir, job } = await jobOf({ 'spring/a/a.mp4': 'x', 'spring/lines.csv': csv }, { language: 'de' });
    await using _ = dir;
    assert.deepEqual(
      (job.request['text_to_speech'] as { language: string }[]).map(({ language }) => language),
      ['de', 'en'],
    );
  });

  test('is read without waiting for pipes, as texts and as the request itself', async () => {
    await using dir = await plant({ 'spring/a/a.mp4': 'x' });
    for (const name of ['spring/lines.txt', 'spring/a/b.mp4', 'request.json', 'spring/task.json'])
      execFileSync('mkfifo', [join(dir.path, name)]);
    await assert.rejects(
      readJob(join(dir.path, 'spring'), NO_OPTIONS, []),
      /3 mistakes[\s\S]*lines\.txt: [\s\S]*task\.json: [\s\S]*a\/b\.mp4: /,
    );
    await assert.rejects(
      readJob(join(dir.path, 'request.json'), NO_OPTIONS, []),
      /request\.json: expected a file with text, got a pipe, a socket or a device\. Move it away\./,
    );
  });

  test('needs no sub-folders if task.json names the clips', async () => {
    const { dir, job } = await jobOf({
      'spring/a.mp4': 'x',
      'spring/task.json':
        '{ "task_name": "mine", "video_blocks": { "a": ["a.mp4", "https://example.com/b.mp4"] }, "dry_run": true }',
    });
    await using _ = dir;
    assert.equal(job.isDryRun, true);
    assert.deepEqual(job.request, {
      task_name: 'mine',
      video_blocks: { a: [pathToFileURL(join(job.target, 'a.mp4')).href, 'https://example.com/b.mp4'] },
    });
  });
});

describe('a request file', () => {
  test('may name local files as paths and as file URLs; everything else stays as it is', async () => {
    await using dir = await plant({
      'clips/a #1.mp4': 'x',
      'clips/b%20.mp4': 'x',
      'song.mp3': 'x',
      'logo.png': 'x',
    });
    const path = join(dir.path, 'request.json');
    const local = (name: string) => pathToFileURL(join(dir.path, name)).href;
    const request = {
      task_name: 'mine',
      video_blocks: [
        {
          name: 'a',
          urls: ['clips/a #1.mp4', local('clips/b%20.mp4'), { url: './clips/a #1.mp4', start_seconds: 1 }],
        },
        { name: 'b', urls: ['https://example.com/#/c.mp4', 'gs://bucket/c', 'upload:1', 'ftp://x/y', 7] },
        'wrong',
      ],
      audio_blocks: { music: [join(dir.path, 'song.mp3')] },
      overlays: [{ image: 'logo.png' }, {}],
      unknown: { stays: true },
    };
    await writeFile(path, utf16(JSON.stringify(request)));
    const job = await readJob(path, { ...NO_OPTIONS, name: 'other' }, []);
    assert.deepEqual(job.request, {
      ...request,
      task_name: 'other',
      video_blocks: [
        {
          name: 'a',
          urls: [
            local('clips/a #1.mp4'),
            local('clips/b%20.mp4'),
            { url: local('clips/a #1.mp4'), start_seconds: 1 },
          ],
        },
        ...request.video_blocks.slice(1),
      ],
      audio_blocks: { music: [local('song.mp3')] },
      overlays: [{ image: local('logo.png') }, {}],
    });
    assert.equal(job.files.size, 4);
  });

  test('is refused with all files that are not there', async () => {
    await using dir = await plant({ 'r.json': '{"video_blocks":{"a":["x.mp4","~/none-such.mp4","."]}}' });
    const reading = readJob(join(dir.path, 'r.json'), NO_OPTIONS, []);
    await assert.rejects(
      reading,
      /mistakes[\s\S]*x\.mp4: expected a file there[\s\S]*none-such\.mp4: [\s\S]*got a folder/,
    );
  });

  test('has its other mistakes named beside the files that are not there', async () => {
    await using dir = await plant({
      'r.json': '{"task_name":"a","video_blocks":{"a":["x.mp4"]},"captoins":{},"limit":0}',
    });
    await assert.rejects(
      readJob(join(dir.path, 'r.json'), NO_OPTIONS, []),
      /3 mistakes[\s\S]*x\.mp4: expected a file there[\s\S]*\/captoins: [\s\S]*\/limit: |3 mistakes[\s\S]*x\.mp4[\s\S]*\/limit: [\s\S]*\/captoins: /,
    );
  });

  test('may name in its rules clips of which others are not there', async () => {
    const rules = { exclude: [{ a: 'dog', b: 'end_2' }], include: [{ a: 'cat_1' }, { a: 'stored' }] };
    const request = {
      ...rules,
      task_name: 'a',
      video_blocks: { a: ['dog.mp4', 'cat #1.mp4', 'gs://some/stored.mp4'], b: ['gone.mp4', 'end 2.mp4'] },
    };
    await using dir = await plant({
      ...{ 'r.json': JSON.stringify(request), 'dog.mp4': 'x', 'cat #1.mp4': 'x', 'end 2.mp4': 'x' },
    });
    await assert.rejects(
      readJob(join(dir.path, 'r.json'), NO_OPTIONS, []),
      /has 1 mistake; nothing was started:\n {2}gone\.mp4: expected a file there/,
    );
  });

  test('is not read if it is a clip, however large', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, 'film.MOV');
    await writeFile(path, '');
    await truncate(path, 3 * 2 ** 30);
    await assert.rejects(
      readJob(path, NO_OPTIONS, []),
      /film\.MOV: expected a folder of clips, or a request as JSON, got a clip\. Give the folder/,
    );
  });

  test('has the mistakes that the service finds with the names of its files', async () => {
    const request = {
      video_blocks: [{ name: 'a', urls: ['file:///clips/a/1.mp4', { url: 'file:///clips/a/2.mp4' }] }],
      text_to_speech: [{ text: 'Hello', voice: 'x' }],
    };
    const error = new ServiceError('refused', {
      status: 422,
      problem: {
        ...{ type: 'about:blank', title: 'x', status: 422, detail: 'x', code: 'invalid_request', hint: 'x' },
        errors: ['/video_blocks/0/urls/1/url', '/text_to_speech/0/voice', '/limit', ''].map((pointer) => ({
          ...{ pointer, code: 'invalid', message: 'Expected.' },
        })),
      },
    });
    const { message } = explained(error, { request, target: '/clips' }) as Error;
    assert.deepEqual(message.split('\n').slice(1), [
      '  a/2.mp4 at /video_blocks/0/urls/1/url: Expected.',
      '  "Hello" at /text_to_speech/0/voice: Expected.',
      '  /limit: Expected.',
      '  Expected.',
    ]);
  });
});

describe('spoken lines', () => {
  test('of a table have the columns that they need, in any order and with the separators of spreadsheets', () => {
    const expected = [
      { text: 'Hello, "you"', voice: 'Brian', speed: 1.1, language: 'de', group: 'german' },
      { text: 'Two\nlines', voice: 'Sarah' },
    ];
    const comma =
      '\ufeffVoice,text,speed,language,group\r\nBrian,"Hello, ""you""",1.1,de,german\r\n,"Two\nlines",,,\r\n\r\n,,,,\r\n';
    assert.deepEqual(linesOfCsv(comma, 'Sarah'), { lines: expected, mistakes: [] });
    const semicolon = 'text;voice;speed;language;group\n"Hello, ""you""";Brian;1,1;de;german\n"Two\nlines"\n';
    assert.deepEqual(linesOfCsv(semicolon, 'Sarah'), { lines: expected, mistakes: [] });
    assert.deepEqual(linesOfCsv('text\tvoice\nHi; there, you\tBrian\n', 'x').lines, [
      { text: 'Hi; there, you', voice: 'Brian' },
    ]);
  });

  const WRONG: [csv: string, mistake: RegExp][] = [
    ['', /names of its columns in the first row \(text, voice/],
    ['Hello there', /names of its columns .*got "hello there"/],
    ['text,voise\na,b', /got "voise"\. Did you mean voice\?/],
    ['voice\nBrian', /expected a column text/],
    ['text,text\na,b', /each column once/],
    ['text\n', /a line below the names/],
    ['text,voice\nHello, you,Brian', /line 2: expected 2 cells, got 3\. Put quotes/],
    ['text,voice\na,Brian\n ,Sarah', /line 3: expected words to speak/],
    ['text,speed\na,fast', /line 2: expected a number in the column speed, such as 1\.1, got "fast"/],
    ['text\n"open', /expected rows of cells, got: Quote Not Closed/],
  ];
  for (const [csv, mistake] of WRONG) {
    test(`of the table ${JSON.stringify(csv)} are refused`, () => {
      const { mistakes } = linesOfCsv(csv, 'Sarah');
      assert.equal(mistakes.length, 1);
      assert.match(mistakes[0] as string, mistake);
    });
  }

  test('of a text are its lines', () => {
    assert.deepEqual(
      linesOfText('a\r\nb\rc\n\n', 'V').lines,
      ['a', 'b', 'c'].map((text) => ({ text, voice: 'V' })),
    );
  });

  test('are read as UTF-8 and UTF-16, and as nothing else', () => {
    assert.equal(decodeText(Buffer.from('\ufeffGrüße')), 'Grüße');
    assert.equal(decodeText(utf16('Grüße')), 'Grüße');
    assert.equal(decodeText(utf16('Grüße').swap16()), 'Grüße');
    assert.throws(() => decodeText(Buffer.from('Grüße', 'utf16le')), /UTF-16 without its mark/);
  });
});

describe('what a run remembers', () => {
  const file = (more: Partial<LocalFile> = {}): LocalFile => ({
    ...{ path: '/a/b.mp4', real: '/a/b.mp4', bytes: 5, modifiedMs: 7, type: 'video/mp4' },
    ...more,
  });
  const DAY_MS = 86_400_000;

  test('is what it sent, until the file changes or six days have passed', async () => {
    await using dir = await tempDir();
    let now = 1_000;
    const open = (service = 's') => openNote(dir.path, '/clips', service, () => now);
    const note = await open();
    await note.sent(file(), { url: 'upload:1', name: 'b.mp4' });
    const later = await open();
    assert.equal(later.sentOf(file())?.url, 'upload:1');
    assert.equal(later.sentOf(file({ bytes: 6 })), undefined);
    assert.equal(later.sentOf(file({ modifiedMs: 8 })), undefined);
    assert.equal(later.sentOf(file({ real: '__proto__' })), undefined);
    assert.equal((await open('other')).sentOf(file()), undefined);
    now += 6 * DAY_MS - 1;
    assert.equal(later.sentOf(file())?.url, 'upload:1');
    now += 1;
    assert.equal(later.sentOf(file()), undefined);
    await later.forgetSent();
    now = 1_000;
    assert.equal((await open()).sentOf(file()), undefined);
  });

  test('is the task of the same inputs, and one key for its request', async () => {
    await using dir = await tempDir();
    const open = () => openNote(dir.path, '/clips', 's');
    const note = await open();
    await note.begin('i', false, 1);
    const key = note.keyFor({ a: 1 });
    const again = await open();
    await again.begin('i', false, 1);
    assert.equal(again.keyFor({ a: 1 }), key);
    assert.notEqual(again.keyFor({ a: 2 }), key);
    await again.started('t');
    await again.started('retry');
    await again.begin('other options', false, 1);
    assert.notEqual(again.keyFor({ a: 1 }), key);
    assert.deepEqual((await open()).tasks('i'), ['t', 'retry']);
    assert.deepEqual((await open()).tasks('other options'), []);
    await again.begin('i', true, 2);
    assert.deepEqual((await open()).tasks('i'), []);
    // A run that was killed before its task began does not draw once more.
    const killed = await open();
    await killed.begin('i', false, 3);
    assert.equal(killed.seed(), 2);
    assert.notEqual(again.keyFor({ a: 1 }), key);
    for (const number of Array(25).keys()) await again.begin(`${number}`, false, 1);
    await again.started('last');
    assert.deepEqual((await open()).tasks('24'), ['last']);
  });

  for (const damage of [
    '',
    '{',
    'null',
    '{"version":2}',
    '{"version":1,"sent":{"a":3},"runs":[]}',
    '{"version":1,"sent":{},"runs":[{"inputs":"i"}]}',
  ]) {
    test(`is nothing if its file is ${JSON.stringify(damage)}`, async () => {
      await using dir = await tempDir();
      const note = await openNote(dir.path, '/clips', 's');
      await note.begin('i', false, 1);
      await note.started('t');
      const [name] = await readdir(dir.path);
      await writeFile(join(dir.path, name as string), damage);
      const other = await openNote(dir.path, '/clips', 's');
      assert.deepEqual(other.tasks('i'), []);
      assert.equal(other.sentOf(file()), undefined);
    });
  }
});

describe('the command line', () => {
  test('takes these options', () => {
    const args = [
      'clips',
      '--format',
      '9x16, 1x1',
      '--format=4x5',
      '--limit',
      '12',
      '--no-open',
      '--url',
      'http://x/',
      ...['--fit', 'cover', '--language', 'de', '--seed', '0'],
    ];
    assert.deepEqual(readOptions(args), {
      target: 'clips',
      formats: ['9x16', '1x1', '4x5'],
      ...{ fit: 'cover', captions: undefined, limit: 12, dryRun: false, name: undefined, voice: undefined },
      ...{ language: 'de', seed: 0 },
      ...{ url: 'http://x', key: undefined, again: false, open: false },
    });
    for (const url of ['127.0.0.1:8312', 'localhost:8312', '[::1]:8312'])
      assert.equal((readOptions(['a', '--url', url]) as { url: string }).url, `http://${url}`);
    assert.equal(readOptions(['-h']), 'help');
    assert.equal(
      readOptions(['--', '--odd']) === 'help'
        ? ''
        : (readOptions(['--', '--odd']) as { target: string }).target,
      '--odd',
    );
  });

  const WRONG: [args: string[], message: RegExp][] = [
    [[], /Expected a folder of clips, got none\. Next step: .*--help/],
    [[''], /got an empty name/],
    [['a', 'b'], /Expected one folder, got 2: a, b\. Next step: .*quotes/],
    [['a', '--formats', '9x16'], /got --formats\. Did you mean --format\?/],
    [['a', '--limit', '0'], /--limit with a whole number from 1, got "0"/],
    [['a', '--limit'], /--limit/],
    [['a', '--format', '9:16'], /--format with 9x16, .*got "9:16"\. Did you mean 9x16\?/],
    [['a', '--captions', 'burned'], /--captions with .*Did you mean burn\?/],
    [['a', '--fit', 'fill'], /--fit with contain, cover, blur, got "fill"/],
    [['a', '--seed', '4294967296'], /--seed with a whole number from 0 to 4294967295/],
    [['a', '--url', 'x'], /--url with the http\(s\) address/],
    [['a', '--again=yes'], /--again/],
    [['a', '--url', 'http://me:secret@x'], /^Error: (?!.*secret)Expected --url with nothing but the address/],
    [
      ['a', '--url', 'http://x/?key=secret'],
      /^Error: (?!.*secret)Expected --url with nothing but the address/,
    ],
  ];
  for (const [args, message] of WRONG) {
    test(`refuses ${JSON.stringify(args)}`, () => assert.throws(() => readOptions(args), message));
  }

  test('is refused if npm kept an option for itself', () => {
    const env = { npm_lifecycle_event: 'make', npm_config_key: 'of npm', npm_config_user_agent: 'npm' };
    assert.equal((readOptions(['a'], env) as { target: string }).target, 'a');
    const kept = {
      ...env,
      ...{ npm_config_dry_run: 'true', npm_config_limit: '3', npm_config_captions: 'true' },
      ...{ npm_config_name: 'a $b', npm_config_open: '' },
    };
    assert.throws(
      () => readOptions(['spring sale', 'burn'], kept),
      /got .* Nothing was started\. Next step: npm run make -- "spring sale" --captions … --limit 3 --dry-run --name "a \\\$b" --no-open$/,
    );
    // npm takes --format for an option of its own.
    assert.throws(() => readOptions(['a', '9x16'], env), /got 2: a, 9x16\. .* With options, write -- before/);
    assert.equal(
      (readOptions(['a'], { ...kept, npm_lifecycle_event: 'x' }) as { target: string }).target,
      'a',
    );
  });

  test('is told where DATA_DIR cannot be made', async () => {
    await using dir = await plant({ file: 'x' });
    const dataDir = join(dir.path, 'file/data');
    await assert.rejects(
      makeOwnFolder({ dataDir }),
      /at .*file\/data, got \w+ when .* Next step: set DATA_DIR/,
    );
  });

  test('is explained: a folder as a tree, every option, where videos go, and what Ctrl-C does', () => {
    const help = helpText('every-cut');
    for (const part of [
      '1 hooks/',
      'lines.txt',
      '--dry-run',
      '--again',
      '--key',
      'OUTPUT_DIR',
      'Ctrl-C stops',
    ])
      assert.ok(help.includes(part), part);
    for (const line of help.split('\n')) assert.ok(line.length <= 100, line);
  });
});

describe('names', () => {
  test('of blocks are those of folders, without the numbers before them if these are not needed', () => {
    assert.deepEqual(
      blockNames(['1 hooks', '02_bodies', '3. ctas', '(4) x', '5-y', '3d', '7', 'Gru\u0308n']),
      [...['hooks', 'bodies', 'ctas', 'x', 'y', '3d', '7', 'Grün']],
    );
    assert.deepEqual(blockNames(['1 a', '2 a', '3 b']), ['1 a', '2 a', '3 b']);
  });

  test('are in the order in which people count', () => {
    assert.deepEqual(['b', 'a10', 'a2', 'A1', 'ä'].sort(byNumber), ['ä', 'A1', 'a2', 'a10', 'b']);
  });
});

describe('the table of results', () => {
  test('tells once what many videos have in common', () => {
    const render = (n: number, more: object) =>
      ({
        ...{ file_name: `${n}.mp4`, status: 'failed', render_seconds: null, duration_seconds: null },
        ...{ error: null, warnings: [] },
        ...more,
      }) as unknown as RenderView;
    // As the service says it: one of another version may know other codes.
    const error = { code: 'newer_code', message: 'b.mp4 is not there.', hint: 'Look for it.' };
    const table = reportTable([
      render(1, { error }),
      render(2, { error }),
      render(3, { error: { ...error, message: 'c.mp4 is not there.' } }),
      render(4, { warnings: ['Too loud.', 'Too long.'] }),
      render(5, { warnings: ['Too loud.'] }),
    ]);
    const lines = table.split('\n').slice(6);
    assert.deepEqual(lines, [
      ...['', '2 videos failed: newer_code', '  b.mp4 is not there.', '  Hint: Look for it.'],
      ...['', '3.mp4 failed: newer_code', '  c.mp4 is not there.', '  Hint: Look for it.'],
      ...['2 videos: Too loud.', '4.mp4: Too long.'],
    ]);
  });
});

describe('the folder of the videos', () => {
  test('is opened where somebody sits in front of it', () => {
    const seen = (platform: NodeJS.Platform, env: Record<string, string>, isTerminal = true) =>
      openerFor({ platform, env, isTerminal });
    assert.equal(seen('linux', { DISPLAY: ':0' }), 'xdg-open');
    assert.equal(seen('linux', { WAYLAND_DISPLAY: 'wayland-0' }), 'xdg-open');
    assert.equal(seen('darwin', {}), 'open');
    assert.equal(seen('win32', {}), 'explorer.exe');
    assert.equal(seen('linux', {}), undefined);
    assert.equal(seen('darwin', { SSH_CONNECTION: 'x' }), undefined);
    assert.equal(seen('linux', { DISPLAY: ':0', CI: 'true' }), undefined);
    assert.equal(seen('linux', { DISPLAY: ':0' }, false), undefined);
  });
});
