/** Languages that a line is offered, and when. Pure. */
import type { VoiceList } from '../../model/answers/voice.ts';
import type { Line } from './draft.ts';

export interface Language {
  /** As the service takes it; empty: none is said. */
  code: string;
  name: string;
}

/** The most usual ones of ads first. */
const USUAL = 'en es de fr pt-BR it nl pl hi ja ko zh tr ru id ar sv da nb fi cs ro hu el uk vi'.split(' ');
const names = new Intl.DisplayNames(['en'], { type: 'language', languageDisplay: 'standard' });
/** Such as `pt-br` or `en-gb-x-rp`, which speak their own language. */
const LANGUAGE_VOICE = /^[a-z]{2,3}(-[a-z0-9]+)*$/;

/**
 * What to choose from for a line; undefined: its voice has one language, or finds the language by itself.
 * @param provider who speaks; undefined: not known yet
 */
export function languagesFor(
  { voice, voiceName, language }: Pick<Line, 'voice' | 'voiceName' | 'language'>,
  provider: VoiceList['provider'] | undefined,
): readonly Language[] | undefined {
  if (provider !== 'espeak' && provider !== 'neural') return undefined;
  const code = voice.trim().toLowerCase();
  const isOfList = USUAL.some((one) => one.toLowerCase() === code);
  // A voice that was chosen from the list as a language has another name than its code.
  if (isOfList || (voiceName !== undefined && voiceName !== voice && LANGUAGE_VOICE.test(voice)))
    return undefined;
  const first = { code: '', name: provider === 'espeak' ? 'English' : 'Language of the voice' };
  const others = USUAL.filter((one) => provider === 'neural' || one !== 'en');
  const own = language === '' || others.includes(language) ? [] : [language];
  return [first, ...[...others, ...own].map((one) => ({ code: one, name: nameOf(one) }))];
}

/** A note for lines that say no language; null: there is nothing to say. */
export function languageNote(
  lines: readonly Pick<Line, 'text' | 'voice' | 'voiceName' | 'language'>[],
  provider: VoiceList['provider'] | undefined,
): string | null {
  const isSilent = (line: (typeof lines)[number]) =>
    line.text.trim() !== '' && line.language === '' && languagesFor(line, provider) !== undefined;
  return provider === 'espeak' && lines.some(isSilent)
    ? 'A line is read as English until you choose another language for it.'
    : null;
}

/** People type codes that no browser knows. */
function nameOf(code: string): string {
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}
