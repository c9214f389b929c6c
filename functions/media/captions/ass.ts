/**
 * Writes what is burned into a clip as a file for libass: one event for each word, which shows the whole cue with that word
 * in its colour. Pure. https://github.com/libass/libass/wiki/ASS-File-Format-Guide
 */
import { type CaptionFrame, captionBox, edgesOf, emOf, pixels, placeTag } from './caption-box.ts';
import { burnedCues, type Cue, cuesOf } from './cues.ts';
import { type FontRun, fontRuns, fontsFor, shownText } from './font-runs.ts';
import { type CaptionFont, metricsOf } from './fonts.ts';
import { blankBefore, type Laid, type LaidWord, laidOut } from './layout.ts';
import type { CaptionWord } from './words.ts';

export interface BurnedCaptions extends CaptionFrame {
  /** All of the line, with times in the video. */
  words: readonly CaptionWord[];
  /** BCP 47. */
  language?: string;
  /** When the clip begins in the video, and how long it is shown, seconds. */
  from: number;
  seconds: number;
}

/** Width of a wide capital. Shares of the em. */
const COLUMN = 0.72;
/** A shorter pause is not worth a flash of the picture without text. Seconds. */
const SHORT_PAUSE = 0.4;

/** Undefined if nothing is shown of the words while the clip is. */
export function captionFile(captions: BurnedCaptions): string | undefined {
  const { style, width, height } = captions;
  const events = eventsOf(captions);
  if (events.length === 0) return undefined;
  const { outline, shadow } = edgesOf(emOf(captions));
  const look = [
    ...[
      'Caption',
      'Montserrat ExtraBold',
      pixels(emOf(captions)),
      ...[assColour(style.colour), assColour(style.colour)],
    ],
    ...[
      isDark(style.colour) ? '&H00FFFFFF' : '&H00000000',
      '&H80000000',
      '0,0,0,0,100,100,0,0,1',
      outline,
      shadow,
    ],
    // 1: from left to right.
    ...['5,0,0,0,1'],
  ];
  return [
    '[Script Info]',
    'ScriptType: v4.00+',
    `PlayResX: ${width}`,
    `PlayResY: ${height}`,
    // Breaks no row by itself.
    'WrapStyle: 2',
    'ScaledBorderAndShadow: yes',
    'YCbCr Matrix: TV.709',
    '[V4+ Styles]',
    'Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, ' +
      'StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding',
    `Style: ${look.join(',')}`,
    '[Events]',
    'Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text',
    ...events,
    '',
  ].join('\n');
}

function eventsOf(captions: BurnedCaptions): string[] {
  const { words, language, style, from, seconds } = captions;
  const box = captionBox(captions);
  const em = emOf(captions);
  const columns = Math.max(8, Math.floor((box.right - box.left) / (COLUMN * em)));
  const cues = cuesOf(words, { ...burnedCues(style.wordsPerLine), mostColumns: columns });
  const text = words.map((word) => word.text).join(' ');
  const fonts = fontsFor(style.font, text, language);
  const direction = isRightToLeft(text) ? 'rtl' : 'ltr';
  return cues.flatMap((cue, at) => {
    const end = endOf(cue, cues[at + 1]);
    if (end <= from || cue.start >= from + seconds) return [];
    const cueWords = cue.lines.flat();
    const laid = laidOut(laidWords(cueWords, fonts, captions), fonts, {
      ...{ width: box.right - box.left, height: box.bottom - box.top, em },
    });
    const shown = (spoken: number | null) => cueText(laid, { captions, fonts, direction, spoken });
    const spans =
      style.highlight === null
        ? [{ start: cue.start, end, text: shown(null) }]
        : cueWords.map((word, number) => ({
            start: number === 0 ? cue.start : word.start,
            end: cueWords[number + 1]?.start ?? end,
            text: shown(number),
          }));
    return spans.flatMap((span) => {
      // One ends as the next one starts, so that none of both is missing in between.
      const [start, stop] = [span.start - from, Math.min(span.end - from, seconds)].map((time) =>
        Math.max(0, Math.round(time * 100)),
      ) as [number, number];
      return stop > start ? [`Dialogue: 0,${clock(start)},${clock(stop)},Caption,,0,0,0,,${span.text}`] : [];
    });
  });
}

/** A cue stays until the next one, if that follows soon. */
function endOf(cue: Cue, next: Cue | undefined): number {
  return next !== undefined && next.start - cue.end < SHORT_PAUSE ? next.start : cue.end;
}

function laidWords(
  words: readonly CaptionWord[],
  fonts: readonly CaptionFont[],
  { style: { upperCase }, language }: BurnedCaptions,
): LaidWord[] {
  return words.map(({ text, spaced }, number) => {
    const shown = shownText(text, { upperCase, ...(language !== undefined && { language }) });
    return { runs: fontRuns(shown, fonts), spaced, number };
  });
}

interface CueLook {
  captions: BurnedCaptions;
  fonts: readonly CaptionFont[];
  direction: 'rtl' | 'ltr';
  /** Number of the word that is spoken. */
  spoken: number | null;
}

function cueText({ rows, scale }: Laid, { captions, fonts, direction, spoken }: CueLook): string {
  const { style } = captions;
  const em = emOf(captions) * scale;
  const { outline, shadow } = edgesOf(em);
  const colours = {
    usual: inlineColour(style.colour),
    spoken: inlineColour(style.highlight ?? style.colour),
  };
  const rightToLeft = direction === 'rtl' ? rightToLeftMark(fonts, em) : undefined;
  const text = rows.map((row) => {
    const words = row.map((word, at) => {
      const blank = runsText(blankBefore(row, at), em);
      const runs = runsText(word.runs, em);
      return word.number === spoken
        ? `${blank}{${colours.spoken}}${runs}{${colours.usual}}`
        : `${blank}${runs}`;
    });
    return `${rightToLeft?.mark ?? ''}${words.join('')}`;
  });
  const look = `${placeTag(captions)}\\bord${outline}\\shad${shadow}${rightToLeft === undefined ? '' : '\\fe-1'}`;
  return `{${look}}${text.join('\\N')}`;
}

function runsText(runs: readonly FontRun[], em: number): string {
  return runs.map(({ font, text }) => `{${fontTag(font, em)}}${escaped(text)}`).join('');
}

/** Direction is found by the first letter of a row, and a row may begin with a word of another script. */
function rightToLeftMark(fonts: readonly CaptionFont[], em: number): { mark: string } | undefined {
  const font = fonts.find((one) => metricsOf(one).has(0x200f));
  return font === undefined ? undefined : { mark: `{${fontTag(font, em)}}\u200f` };
}

function isRightToLeft(text: string): boolean {
  const right = text.match(/[\p{Script=Arabic}\p{Script=Hebrew}]/gu)?.length ?? 0;
  return right > (text.match(/\p{L}/gu)?.length ?? 0) / 2;
}

function fontTag(font: CaptionFont, em: number): string {
  return `\\fn${font.face}\\fs${pixels(em * metricsOf(font).lineHeight)}`;
}

/** As text, whatever it says. A zero-width blank keeps a backslash from making a command of what follows. */
function escaped(text: string): string {
  return text.replace(/[{}\\]/g, (sign) => (sign === '\\' ? '\\\u200b' : `\\${sign}`));
}

function assColour(rgb: string): string {
  return `&H00${bgr(rgb)}`;
}

function inlineColour(rgb: string): string {
  return `\\1c&H${bgr(rgb)}&`;
}

function bgr(rgb: string): string {
  return `${rgb.slice(5, 7)}${rgb.slice(3, 5)}${rgb.slice(1, 3)}`.toUpperCase();
}

/** Too dark for a black outline. */
function isDark(rgb: string): boolean {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(rgb.slice(at, at + 2), 16)) as [
    number,
    number,
    number,
  ];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 77;
}

/** @param hundredths of a second */
function clock(hundredths: number): string {
  const seconds = Math.floor(hundredths / 100);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${two(hundredths % 100)}`;
}
