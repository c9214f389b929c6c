/** Mistakes in what a request says of captions that its schema cannot express. */
import type { Mistake } from '../base/errors.ts';
import { isObject } from './block-entries.ts';
import { CAPTION_MODES } from './captions.ts';

/** How burned captions look. */
const STYLE = ['font', 'size', 'colour', 'highlight', 'position', 'words_per_line', 'upper_case'] as const;

/** Whatever would have no effect is refused: the caller expects something else. */
export function captionMistakes(body: Record<string, unknown>): Mistake[] {
  const { captions } = body;
  if (!isObject(captions)) return [];
  const { mode } = captions;
  const conflict = (pointer: string, message: string): Mistake => ({ pointer, code: 'conflict', message });
  const isKnown = (CAPTION_MODES as readonly unknown[]).includes(mode);
  const styles = STYLE.filter((field) => captions[field] !== undefined && isKnown && mode !== 'burn');
  const isSpoken = body['text_to_speech'] !== undefined || body['text_to_speach'] !== undefined;
  return [
    ...(mode === 'none' || isSpoken
      ? []
      : [
          conflict(
            '/captions',
            'Expected captions with text_to_speech only, got no lines: captions show the spoken words. ' +
              'Add lines, or leave captions out.',
          ),
        ]),
    ...(mode === 'none' && captions['files'] !== undefined
      ? [
          conflict(
            '/captions/files',
            'Expected no files with mode none, got some. Use mode srt, or leave files out.',
          ),
        ]
      : []),
    ...styles.map((field) =>
      conflict(
        `/captions/${field}`,
        `Expected ${field} with mode burn only, got it with another mode: players choose how other captions look. ` +
          'Use mode burn, or leave it out.',
      ),
    ),
  ];
}
