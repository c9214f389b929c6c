import assert from 'node:assert/strict';
import { rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readVoiceFolder } from '../../../functions/adapters/neural-voice/voice-folder.ts';
import {
  KITTEN,
  KOKORO,
  PIPER,
  piperFolder,
  styledFolder,
  styledModel,
  vitsModel,
  voiceFolder,
} from '../../fixtures/speech/tiny-voice.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

describe('readVoiceFolder', () => {
  it('finds the files of a Piper voice', async () => {
    await using temp = await tempDir();
    const dir = piperFolder(join(temp.path, 'vits-piper-en_US-tiny-low'));
    await writeFile(join(dir, 'en_US-tiny-low.onnx.json'), '{}');
    assert.deepEqual(readVoiceFolder(dir), {
      dir,
      name: 'vits-piper-en_US-tiny-low',
      kind: 'vits',
      files: {
        model: join(dir, 'en_US-tiny-low.onnx'),
        tokens: join(dir, 'tokens.txt'),
        voices: undefined,
        lexicons: [],
        espeakData: join(dir, 'espeak-ng-data'),
      },
      speakerCount: 3,
      speakerNames: [],
      language: 'English',
      espeakVoice: 'en-us',
      isMultilingual: false,
    });
  });

  it('finds the styles and lexicons of Kokoro, and the names of its speakers', async () => {
    await using temp = await tempDir();
    const dir = styledFolder(join(temp.path, 'kokoro'), KOKORO);
    for (const name of ['lexicon-gb-en.txt', 'lexicon-us-en.txt', 'lexicon-zh.txt']) {
      await writeFile(join(dir, name), 'a a\n');
    }
    const voice = readVoiceFolder(dir);
    assert.deepEqual([voice.kind, voice.isMultilingual, voice.speakerCount], ['kokoro', true, 4]);
    assert.deepEqual(voice.speakerNames, ['af_heart', 'am_adam', 'bf_emma', 'ef_dora']);
    assert.equal(voice.files.voices, join(dir, 'voices.bin'));
    assert.deepEqual(voice.files.lexicons, [join(dir, 'lexicon-us-en.txt'), join(dir, 'lexicon-zh.txt')]);
    await using other = await tempDir();
    const kitten = readVoiceFolder(styledFolder(join(other.path, 'kitten'), KITTEN));
    assert.deepEqual([kitten.kind, kitten.isMultilingual, kitten.speakerCount], ['kitten', false, 2]);
  });

  it('takes a VITS voice with a lexicon in place of rules of pronunciation', async () => {
    await using temp = await tempDir();
    const dir = piperFolder(join(temp.path, 'vits-ljs'));
    await writeFile(join(dir, 'lexicon.txt'), 'hello h e l o\n');
    await rm(join(dir, 'espeak-ng-data'));
    const { files } = readVoiceFolder(dir);
    assert.deepEqual([files.espeakData, files.lexicons], [undefined, [join(dir, 'lexicon.txt')]]);
  });

  const BREAKS: readonly [what: string, breaks: (dir: string) => Promise<unknown>, says: RegExp][] = [
    [
      'is missing',
      (dir) => rename(dir, `${dir}-away`),
      /expected a folder .+, got ENOENT\. Next step: set it to/,
    ],
    ['is a file', (dir) => rename(dir, `${dir}-away`).then(() => writeFile(dir, '')), /got ENOTDIR/],
    [
      'has no model',
      (dir) => rm(join(dir, 'en_US-tiny-low.onnx')),
      /expected a model \(\*\.onnx\), got a folder without one\. Next step: download the voice again/,
    ],
    [
      'has the voice one folder deeper',
      async (dir) => {
        await rm(dir, { recursive: true });
        piperFolder(join(dir, 'vits-piper-en_US-tiny-low'));
      },
      /Next step: set OFFLINE_VOICE to .+\/vits-piper-en_US-tiny-low\./,
    ],
    [
      'has two models',
      (dir) => writeFile(join(dir, 'model.int8.onnx'), vitsModel()),
      /expected one model .+, got en_US-tiny-low\.onnx, model\.int8\.onnx\. Next step: leave the one/,
    ],
    [
      'has a model that breaks off',
      (dir) => truncate(join(dir, 'en_US-tiny-low.onnx'), 500),
      /expected a whole ONNX model, got en_US-tiny-low\.onnx, which is none or breaks off/,
    ],
    [
      'has a page in place of a model',
      (dir) => writeFile(join(dir, 'en_US-tiny-low.onnx'), '<!doctype html><title>Not found</title>'),
      /which is none or breaks off/,
    ],
    [
      'has an empty model',
      (dir) => writeFile(join(dir, 'en_US-tiny-low.onnx'), ''),
      /which is none or breaks off/,
    ],
    [
      'has a model as Piper itself publishes it',
      (dir) => writeFile(join(dir, 'en_US-tiny-low.onnx'), vitsModel({})),
      /expected a model that was converted for sherpa-onnx, got .+ does not tell its sample_rate/,
    ],
    [
      'has a model of another kind',
      (dir) => writeFile(join(dir, 'en_US-tiny-low.onnx'), vitsModel({ ...PIPER, model_type: 'matcha-tts' })),
      /expected a model of VITS \(Piper\), Kokoro or Kitten, got one of matcha-tts/,
    ],
    ['has no tokens', (dir) => rm(join(dir, 'tokens.txt')), /expected a file tokens\.txt, got none/],
    [
      'has empty tokens',
      (dir) => writeFile(join(dir, 'tokens.txt'), ''),
      /expected a file tokens\.txt, got an empty/,
    ],
    [
      'has tokens of 5 MB',
      (dir) => writeFile(join(dir, 'tokens.txt'), '_ 0\n'.repeat(1_250_001)),
      /expected a file tokens\.txt of at most 4 MB, got one of 5000004 bytes\. Next step: download the voice again/,
    ],
    [
      'has a page in place of tokens',
      (dir) => writeFile(join(dir, 'tokens.txt'), '_ 0\n<!doctype html>\n'),
      /expected tokens\.txt with a token and its number in each line, got another line 2\. Next step: download/,
    ],
    [
      'has tokens in a line without end',
      (dir) => writeFile(join(dir, 'tokens.txt'), `${'x'.repeat(300)} 1`),
      /got another line 1\. Next step: download/,
    ],
    [
      'has no rules of pronunciation',
      (dir) => rm(join(dir, 'espeak-ng-data')),
      /expected a folder espeak-ng-data, or a file lexicon\.txt, got none/,
    ],
    [
      'has an empty folder of them',
      async (dir) => {
        await rm(join(dir, 'espeak-ng-data'));
        await writeFile(join(dir, 'espeak-ng-data'), '');
      },
      /expected a file espeak-ng-data\/phontab, got none/,
    ],
  ];
  for (const [what, breaks, says] of BREAKS) {
    it(`refuses a folder that ${what}`, async () => {
      await using temp = await tempDir();
      const dir = piperFolder(join(temp.path, 'voice'));
      await breaks(dir);
      assert.throws(() => readVoiceFolder(dir), says);
      assert.throws(
        () => readVoiceFolder(dir),
        /^Error: OFFLINE_VOICE \(.+\/voice\): expected .+, got .+\. Next step: /,
      );
    });
  }

  const NUMBERS: readonly [key: string, values: readonly string[], expected: string][] = [
    ['n_speakers', ['2000000000', '10001', 'abc', '-5', '1.5', '1e3', 'Infinity', ' 3'], '1 to 10000'],
    ['sample_rate', ['0', '1', '7999', '96001', '-22050', '22050.5', 'x', '1e999'], '8000 to 96000'],
  ];
  for (const [key, values, expected] of NUMBERS) {
    it(`refuses a model with a ${key} that none has`, async () => {
      await using temp = await tempDir();
      for (const [at, value] of values.entries()) {
        const dir = piperFolder(join(temp.path, String(at)), vitsModel({ ...PIPER, [key]: value }));
        const says = `expected a model with a ${key} of ${expected}, got ${JSON.stringify(value)}. Next step: download the voice again`;
        assert.throws(
          () => readVoiceFolder(dir),
          ({ message }: Error) => message.includes(says),
          value,
        );
      }
    });
  }

  it('refuses styles whose sizes are no numbers', async () => {
    await using temp = await tempDir();
    for (const [at, style_dim] of ['x', '-511,-1,1', '511,,1', '1e3', '9999999'].entries()) {
      const dir = styledFolder(join(temp.path, String(at)), KOKORO);
      await writeFile(join(dir, 'model.onnx'), styledModel({ ...KOKORO, style_dim }));
      const says =
        /expected a model with a style_dim of whole numbers, got ".+"\. Next step: download the voice again/;
      assert.throws(() => readVoiceFolder(dir), says, style_dim);
    }
  });

  it('takes the largest numbers, none for one speaker, and tokens as they are published', async () => {
    await using temp = await tempDir();
    const countOf = (name: string, more: object) =>
      readVoiceFolder(piperFolder(join(temp.path, name), vitsModel({ ...PIPER, ...more }))).speakerCount;
    assert.equal(countOf('many', { n_speakers: 10_000, sample_rate: 96_000 }), 10_000);
    assert.equal(countOf('one', { n_speakers: 0, sample_rate: 8_000 }), 1);
    const dir = join(temp.path, 'one');
    // Of a space there is only its number. Files made on Windows have other ends of lines.
    await writeFile(join(dir, 'tokens.txt'), '_ 0\r\n  1\r\n2\r\n<blk> 3\r\nAA0\t4\r\n\r\n');
    assert.equal(readVoiceFolder(dir).speakerCount, 1);
  });

  it('refuses styles that do not belong to the model', async () => {
    await using temp = await tempDir();
    const dir = styledFolder(join(temp.path, 'kokoro'), KOKORO);
    await truncate(join(dir, 'voices.bin'), 4_000);
    const says =
      /expected voices\.bin of 8176 bytes, as the model says, got one of 4000\. Next step: download/;
    assert.throws(() => readVoiceFolder(dir), says);
    const without = voiceFolder(join(temp.path, 'without'), { 'model.onnx': styledModel(KOKORO) });
    assert.throws(() => readVoiceFolder(without), /expected a file voices\.bin, got none/);
  });
});
