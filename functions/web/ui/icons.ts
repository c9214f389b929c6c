/** Small drawings in the colour of the text around them. They say nothing to screen readers: the button does. */
import { html } from './html.ts';

const PATHS = {
  up: 'M8 13V3M3.5 7.5 8 3l4.5 4.5',
  down: 'M8 3v10M3.5 8.5 8 13l4.5-4.5',
  left: 'M13 8H3M7.5 3.5 3 8l4.5 4.5',
  right: 'M3 8h10M8.5 3.5 13 8l-4.5 4.5',
  remove: 'M4 4l8 8M12 4l-8 8',
  plus: 'M8 3v10M3 8h10',
  trim: 'M5.6 5.6 13 13M5.6 10.4 13 3M6 4a2 2 0 1 1-4 0 2 2 0 0 1 4 0ZM6 12a2 2 0 1 1-4 0 2 2 0 0 1 4 0Z',
  link: 'M6.5 9.5l3-3M7 4.8l1.6-1.6a3 3 0 0 1 4.2 4.2L11.2 9M9 11.2l-1.6 1.6a3 3 0 0 1-4.2-4.2L4.8 7',
  film: 'M2.5 3.5h11v9h-11zM5.5 3.5v9M10.5 3.5v9M2.5 8h11',
  sound:
    'M6 12.2V4l7-1.5v8M6 12.2a1.9 1.9 0 1 1-3.8 0 1.9 1.9 0 0 1 3.8 0ZM13 10.6a1.9 1.9 0 1 1-3.8 0 1.9 1.9 0 0 1 3.8 0Z',
  picture: 'M2.5 3h11v10h-11zM2.5 11l3.5-3.5 3 3 2-2 2.5 2.5',
  play: 'M4.5 3v10l8.5-5z',
  pause: 'M5 3v10M11 3v10',
  grip: 'M6 3.5v.01M10 3.5v.01M6 8v.01M10 8v.01M6 12.5v.01M10 12.5v.01',
  copy: 'M6 5.5h7v8H6zM10.5 5.5v-3h-7v8H6',
  check: 'M3 8.5 6.5 12 13 4.5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return html`
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d=${PATHS[name]} />
    </svg>`;
}
