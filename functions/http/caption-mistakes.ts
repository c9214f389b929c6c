/** Mistakes of captions that are to be burned in: what no font has, and a build of ffmpeg that burns none in. */
import type { Mistake } from '../base/errors.ts';
import { NO_FILTER } from '../media/captions/burn.ts';
import { fontRuns, fontsFor, shownText } from '../media/captions/font-runs.ts';
import { shownWords } from '../media/captions/shown-text.ts';
import type { ValidRequest } from '../model/request.ts';

export interface Burning {
  /** Whether ffmpeg can burn captions in, as far as it is known. Never rejects. */
  canBurn(): Promise<boolean>;
}

/** Characters that one message names. */
const MOST_NAMED = 10;

/** @param body the request, which has lines in one of two fields */
export async function captionMistakes(
  body: object,
  { captions, lines }: Pick<ValidRequest, 'captions' | 'lines'>,
  { canBurn }: Burning,
): Promise<Mistake[]> {
  if (captions?.inside !== 'burn') return [];
  if (!(await canBurn())) return [{ pointer: '/captions/mode', code: 'invalid', message: NO_FILTER }];
  const field = 'text_to_speech' in body ? 'text_to_speech' : 'text_to_speach';
  return lines.flatMap(({ text, language }, number) => {
    const missing = missingIn(text, language, captions.style);
    if (missing.length === 0) return [];
    const message =
      `Expected only characters that a font of this service has, got ${named(missing)}. Leave them out, or choose ` +
      'captions of mode "srt" or "track". There are fonts for Latin, Greek, Cyrillic, Arabic, Hebrew, Devanagari, Thai, ' +
      'Chinese, Japanese, Korean and emoji.';
    return [{ pointer: `/${field}/${number}/text`, code: 'invalid' as const, message }];
  });
}

/** Characters, with the marks on them, of which a picture would show empty boxes. */
function missingIn(
  text: string,
  language: string | undefined,
  style: NonNullable<ValidRequest['captions']>['style'],
): string[] {
  const words = shownWords(text, language).map((word) => word.text);
  const all = words.join(' ');
  const own = { upperCase: style.upperCase, ...(language !== undefined && { language }) };
  const missing = new Set<string>();
  fontRuns(shownText(all, own), fontsFor(style.font, all, language), missing);
  return [...missing];
}

function named(characters: readonly string[]): string {
  const some = characters.slice(0, MOST_NAMED).map((character) => {
    const numbers = [...character].map((one) => (one.codePointAt(0) as number).toString(16).toUpperCase());
    return `"${character}" (${numbers.map((number) => `U+${number.padStart(4, '0')}`).join(' ')})`;
  });
  const more = characters.length - some.length;
  return `${some.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
