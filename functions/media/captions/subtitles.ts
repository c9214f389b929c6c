/** Subtitle files. */
import { type Cue, textOf } from './cues.ts';

/** As SubRip writes them, which has no specification: UTF-8, and what players would take for markup broken up. */
export function srtOf(cues: readonly Cue[]): string {
  return cues
    .map((cue, at) => `${at + 1}\n${times(cue, ',')}\n${linesOf(cue).map(withoutMarkup).join('\n')}\n`)
    .join('\n');
}

/** WebVTT. https://www.w3.org/TR/webvtt1/ */
export function vttOf(cues: readonly Cue[]): string {
  const blocks = cues.map((cue) => `${times(cue, '.')}\n${linesOf(cue).map(escaped).join('\n')}\n`);
  return ['WEBVTT\n', ...blocks].join('\n');
}

function linesOf({ lines }: Cue): string[] {
  return lines.map(textOf);
}

function times({ start, end }: Cue, point: string): string {
  const [from, to] = [Math.round(start * 1000), Math.round(end * 1000)];
  return `${time(from, point)} --> ${time(Math.max(to, from + 1), point)}`;
}

function time(milliseconds: number, point: string): string {
  const digits = (value: number, count: number) => String(Math.floor(value)).padStart(count, '0');
  const seconds = milliseconds / 1000;
  const [hours, minutes] = [seconds / 3600, (seconds / 60) % 60];
  return `${digits(hours, 2)}:${digits(minutes, 2)}:${digits(seconds % 60, 2)}${point}${digits(milliseconds % 1000, 3)}`;
}

/** "<b" and "{\an8" would be commands. A space without width makes them text. */
function withoutMarkup(line: string): string {
  return line.replace(/<(?=[a-z/!?])|\{(?=\\)/gi, '$&\u200b');
}

function escaped(line: string): string {
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
