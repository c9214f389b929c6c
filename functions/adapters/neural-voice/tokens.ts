/** The file of the sounds that a model knows. */
import { readFileSync, statSync } from 'node:fs';
import { DOWNLOAD, refused } from './refused-voice.ts';

/** Those of voices have some KB. */
const MOST_MB = 4;
/** A token and its number, or the number alone, which then is that of a space. */
const LINE = /^(?:.{0,200}\s)?\d{1,9}\s*$/;

/** @throws {Error} that says what to do if the engine could not read it, and of the system if nobody can */
export function checkTokens(dir: string, path: string): void {
  const { size } = statSync(path);
  if (size > MOST_MB * 2 ** 20) {
    const expected = `a file tokens.txt of at most ${MOST_MB} MB`;
    throw refused(dir, expected, `one of ${size} bytes`, DOWNLOAD);
  }
  const lines = readFileSync(path, 'utf8').split('\n');
  const other = lines.findIndex((line) => line.trim() !== '' && !LINE.test(line));
  if (other === -1) return;
  const expected = 'tokens.txt with a token and its number in each line';
  throw refused(dir, expected, `another line ${other + 1}`, DOWNLOAD);
}
