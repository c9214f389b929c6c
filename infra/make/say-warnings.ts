import type { ProcessMediaRequest } from '../../functions/client/client.ts';

/** Shows what the service remarks, and what follows from it for the lines of a request. */
export function sayWarnings(
  warnings: readonly string[],
  { text_to_speech }: Pick<ProcessMediaRequest, 'text_to_speech'>,
  say: (text: string) => void,
): void {
  for (const warning of warnings) say(`Note: ${warning}`);
  const isBuiltIn = warnings.some((warning) => warning.includes('built-in offline voice'));
  if (isBuiltIn && text_to_speech?.some(({ language }) => language === undefined))
    say(
      'Note: Lines without a language are spoken as English. --language de, or language of a line, sets another.',
    );
}
