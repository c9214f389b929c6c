import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { captionMistakes } from '../../functions/http/caption-mistakes.ts';
import { readRequest } from '../../functions/model/request.ts';

const LIMITS = { combinations: 100, sources: { buckets: [], ownBuckets: [] } };

async function mistakesOf(
  texts: readonly string[],
  captions: object,
  { field = 'text_to_speech', canBurn = true } = {},
) {
  const body = {
    task_name: 'task',
    video_blocks: { hooks: ['https://example.com/a.mp4'] },
    [field]: texts.map((text) => ({ text, voice: 'Sarah' })),
    captions,
  };
  return captionMistakes(body, readRequest(body, LIMITS), { canBurn: async () => canBurn });
}

describe('captions that are to be burned in', () => {
  test('are refused with each line that has a character of no font', async () => {
    const texts = ['Free shipping 🚀', 'უფასო მიწოდება', 'Δωρεάν, مجاني, 免费'];
    for (const field of ['text_to_speech', 'text_to_speach']) {
      const mistakes = await mistakesOf(texts, { mode: 'burn' }, { field });
      assert.deepEqual(
        mistakes.map(({ pointer }) => pointer),
        [`/${field}/1/text`],
      );
      const [message] = mistakes.map((mistake) => mistake.message);
      assert.match(
        message ?? '',
        /"Უ" \(U\+1CA3\).* and \d more\. Leave them out, or choose captions of mode "srt"/,
      );
    }
  });

  test('are refused by a build of ffmpeg that burns none in', async () => {
    const [mistake] = await mistakesOf(['Hello'], { mode: 'burn' }, { canBurn: false });
    assert.equal(mistake?.pointer, '/captions/mode');
    assert.match(mistake?.message ?? '', /FFMPEG_BIN/);
  });

  test('are not looked at if they are beside the picture', async () => {
    for (const mode of ['srt', 'track', 'none']) {
      assert.deepEqual(await mistakesOf(['უფასო'], { mode }, { canBurn: false }), []);
    }
  });

  test('of an unknown font are refused with the one that was meant', () => {
    const body = {
      task_name: 'task',
      video_blocks: { hooks: ['https://example.com/a.mp4'] },
      captions: { mode: 'burn', font: 'Monserrat' },
    };
    assert.throws(
      () => readRequest(body, LIMITS),
      (error: { mistakes?: readonly { pointer: string; message: string }[] }) => {
        const [mistake] = error.mistakes ?? [];
        assert.equal(mistake?.pointer, '/captions/font');
        assert.match(mistake?.message ?? '', /Noto Sans Hebrew.*got "Monserrat"\. Did you mean Montserrat\?/);
        return true;
      },
    );
  });
});
