/** What a video is made of and what became of it, beside its player. */
import type { RenderView } from '../../model/answers/render.ts';
import { copyText } from '../ui/copy.ts';
import { duration, size } from '../ui/format.ts';
import { html, type VNode } from '../ui/html.ts';
import { Notice } from '../ui/notice.ts';
import { baseName } from './names.ts';

export interface FactsProps {
  video: RenderView;
  /** Remarks that are said of all videos. */
  shared: readonly string[];
}

export function Facts({ video, shared }: FactsProps) {
  const {
    clips,
    clip_names,
    track,
    track_name,
    text,
    voice,
    language,
    group,
    format,
    error,
    warnings,
    targets,
    files,
  } = video;
  const length = video.duration_seconds;
  const about = [voice, language, group].filter(Boolean).join(' · ');
  return html`
    ${error === null ? null : html`<${Notice} kind="bad"><p>${error.message}</p><p>${error.hint}</p><//>`}
    ${warnings.filter((warning) => !shared.includes(warning)).map((warning) => html`<${Notice} kind="warn">${warning}<//>`)}
    <dl class="watch-about">
      ${fact('Clips', html`<ol>${clip_names.map((name, at) => html`<li title=${clips[at]}>${name}</li>`)}</ol>`)}
      ${track_name === null ? null : fact('Music', html`<span title=${track}>${track_name}</span>`)}
      ${text === null ? null : fact('Line', html`<q>${text}</q>${about === '' ? null : html`<br /><span class="muted">${about}</span>`}`)}
      ${format === null ? null : fact('Format', format)}
      ${length === null ? null : fact('Length', `${length.toFixed(2)} s`)}
      ${video.render_seconds === null ? null : fact('Mixed in', mixedIn(video.render_seconds))}
      ${video.attempts > 1 ? fact('Attempts', String(video.attempts)) : null}
      ${targets.map((target) => fact(TARGETS[target.target] ?? target.target, targetResult(target)))}
      ${fact(
        'File',
        html`<span class="watch-file">${video.file_name}</span>
          <button type="button" class="button quiet tight" onClick=${() => copyText(baseName(video.file_name), 'File name copied')}>
            Copy name
          </button>`,
      )}
      ${
        files.length === 0
          ? null
          : fact(
              'Beside it',
              html`<ul>${files.map(
                ({ kind, file_name, url, bytes }) => html`
                <li>${KINDS[kind] ?? kind}: ${nameOrLink(file_name, url)} <span class="muted">${size(bytes)}</span></li>`,
              )}</ul>`,
            )
      }
    </dl>`;
}

const TARGETS: Readonly<Record<string, string>> = {
  reels: 'Instagram Reels',
  tiktok: 'TikTok',
  shorts: 'YouTube Shorts',
  demand_gen: 'Google Demand Gen',
};
const KINDS: Readonly<Record<string, string>> = { cover: 'Cover', srt: 'Captions', vtt: 'Captions' };

function mixedIn(seconds: number): string {
  if (seconds < 0.05) return 'less than 0.1 s';
  return seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds);
}

function fact(name: string, content: VNode | string): VNode {
  return html`<div><dt>${name}</dt><dd>${content}</dd></div>`;
}

function nameOrLink(fileName: string, url: string): VNode {
  const name = baseName(fileName);
  return url.startsWith('https:')
    ? html`<a href=${url} target="_blank" rel="noreferrer">${name}</a>`
    : html`<span class="watch-file">${name}</span>`;
}

function targetResult({ result, checks }: RenderView['targets'][number]): VNode {
  const [kind, said] = {
    pass: ['ok', 'Passes'],
    note: ['warn', 'Passes with notes'],
    missed: ['bad', 'Misses a limit'],
  }[result] as [string, string];
  return html`
    <span class=${`tag ${kind}`}>${said}</span>
    ${
      checks.length === 0
        ? null
        : html`<ul>${checks.map(
            ({ expected, found, hint }) => html`<li>Expected ${expected}, got ${found}. ${hint}</li>`,
          )}</ul>`
    }`;
}
