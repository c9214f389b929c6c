/** How burned captions look, on the first clip: words in groups, the one that is spoken in its colour. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { familyOf, fitted, type Room } from './caption-fit.ts';
import { captionLook, type Frame } from './caption-look.ts';
import { groupsOf, type Word, wordsOf } from './caption-words.ts';
import { type CaptionChoices, type Draft, draft } from './draft.ts';
import { spokenLines } from './request.ts';

const FRAMES: Readonly<Record<string, Frame>> = {
  '9x16': { width: 1080, height: 1920 },
  '4x5': { width: 1080, height: 1350 },
  '1x1': { width: 1080, height: 1080 },
  '16x9': { width: 1920, height: 1080 },
};
const USUAL: Frame = { width: 1080, height: 1920 };
/** Pixels of the page. */
const MOST = { width: 240, height: 380 };
const SAMPLE = 'Your words appear here, as they are spoken.';
const BETWEEN_ROUNDS = 0.8;

export function CaptionPreview() {
  const captions = useStore(draft, (now) => now.captions);
  const frame = useStore(draft, ({ formats }) => FRAMES[formats[0] ?? ''] ?? USUAL);
  const line = useStore(draft, (now) => spokenLines(now)[0]);
  const scale = Math.min(MOST.width / frame.width, MOST.height / frame.height);
  const look = captionLook(frame, captions);
  const [text, language] = [line?.text ?? SAMPLE, line?.language ?? ''];
  const words = useMemo(() => wordsOf(text, language), [text, language]);
  const columns = (look.box.right - look.box.left) / look.em;
  const groups = useMemo(
    () => groupsOf(words, captions.wordsPerLine, columns),
    [words, captions.wordsPerLine, columns],
  );
  const { at, isPaused, pause } = useSpoken(words);
  const shown = groupAt(groups, at);
  return html`
    <figure class="preview">
      <div class="preview-frame" role="img" aria-label="Preview of the captions"
        style=${{ width: `${frame.width * scale}px`, height: `${frame.height * scale}px` }}>
        <${Picture} />
        ${
          shown === null
            ? null
            : html`<${Caption} group=${shown.group} spoken=${shown.spoken} captions=${captions} language=${language}
                frame=${frame} scale=${scale} />`
        }
      </div>
      <figcaption class="small muted">
        <span>So it will look, nearly.</span>
        <button type="button" class="button tight" aria-pressed=${isPaused} onClick=${pause}>${isPaused ? 'Play' : 'Pause'}</button>
      </figcaption>
    </figure>`;
}

function Picture() {
  const fit = useStore(draft, (now) => now.fit);
  const poster = useStore(draft, firstPoster);
  if (poster === null) return html`<span class="preview-empty"></span>`;
  return html`
    ${fit === 'blur' ? html`<img class="preview-blur" src=${poster} alt="" />` : null}
    <img class=${fit === 'cover' ? 'preview-cover' : 'preview-whole'} src=${poster} alt="" />`;
}

function firstPoster({ blocks }: Draft): string | null {
  for (const { clips } of blocks) for (const { poster } of clips) if (poster !== null) return poster;
  return null;
}

interface CaptionProps {
  group: readonly Word[];
  /** Number of the word that is spoken, in the group. */
  spoken: number;
  captions: CaptionChoices;
  language: string;
  frame: Frame;
  scale: number;
}

function Caption({ group, spoken, captions, language, frame, scale }: CaptionProps) {
  const look = captionLook(frame, captions);
  const room: Room = { width: look.box.right - look.box.left, height: look.box.bottom - look.box.top };
  const texts = group.map(({ text }) => (captions.upperCase ? inCapitals(text, language) : text));
  const { rows, em } = fitted(texts, group, { look, room, font: captions.font });
  const share = (em / look.em) * scale;
  const place = {
    top: { top: `${look.box.top * scale}px` },
    middle: { top: '50%', transform: 'translateY(-50%)' },
    bottom: { bottom: `${(frame.height - look.box.bottom) * scale}px` },
  }[captions.position];
  const style = {
    left: `${look.box.left * scale}px`,
    right: `${(frame.width - look.box.right) * scale}px`,
    ...place,
    fontFamily: familyOf(captions.font),
    fontSize: `${em * scale}px`,
    lineHeight: String(look.lineHeight),
    color: captions.colour,
    // Half of the stroke is under the letters.
    webkitTextStroke: `${2 * look.outline * share}px ${look.outlineColour}`,
    textShadow: `${look.shadow * share}px ${look.shadow * share}px 0 rgb(0 0 0 / 50%)`,
  };
  return html`
    <p class="preview-caption" style=${style}>
      ${rows.map(
        (row) => html`
          <span class="preview-row">${row.map(
            (at, place) => html`${place > 0 && group[at]?.spaced ? ' ' : ''}<span
              style=${at === spoken && captions.highlight !== null ? { color: captions.highlight } : {}}>${texts[at]}</span>`,
          )}</span>`,
      )}
    </p>`;
}

/** The number of the word that is spoken now. Stands still for people who want no motion. */
function useSpoken(words: readonly Word[]) {
  const [at, go] = useState(0);
  const [isPaused, setPaused] = useState(() => matchMedia('(prefers-reduced-motion: reduce)').matches);
  useEffect(() => go(0), [words]);
  useEffect(() => {
    if (isPaused || words.length < 2) return;
    const isLast = at >= words.length - 1;
    const seconds = (words[at]?.seconds ?? 0) + (isLast ? BETWEEN_ROUNDS : 0);
    const timer = setTimeout(() => go(isLast ? 0 : at + 1), seconds * 1000);
    return () => clearTimeout(timer);
  }, [at, isPaused, words]);
  return { at, isPaused, pause: () => setPaused(!isPaused) };
}

function groupAt(groups: readonly Word[][], at: number): { group: Word[]; spoken: number } | null {
  let first = 0;
  for (const group of groups) {
    if (at < first + group.length) return { group, spoken: at - first };
    first += group.length;
  }
  return null;
}

function inCapitals(text: string, language: string): string {
  try {
    return text.toLocaleUpperCase(language || undefined);
  } catch {
    return text.toUpperCase();
  }
}
