/** `npm run bench -- costs`: the tables in infra/README.md. */
import { markdown } from '../table.ts';
import { type CostTask, costOf, keepingVideos, totalOf } from './model.ts';
import { PEERS, READ_ON, REGION } from './prices.ts';

const VIDEO = { clipSeconds: 7, tracks: 1, lines: 2, videoSeconds: 21, output: 'storage' } as const;

/** Three blocks: 4x5x5, 10x10x10 and 20x20x25. */
export const TASKS: readonly CostTask[] = [
  { ...VIDEO, clips: 14, videos: 100 },
  { ...VIDEO, clips: 30, videos: 1_000 },
  { ...VIDEO, clips: 65, videos: 10_000 },
];
const SHOWN = 1;

/** Both tables, each followed by an empty line. */
export function costTables(): string {
  return `Prices of ${REGION}, read on ${READ_ON}.\n\n${ownTable()}\n\n${peerTable()}\n`;
}

/** Each item with its arithmetic for 1,000 videos. */
export function ownTable(): string {
  const items = TASKS.map(costOf);
  const kept = TASKS.map(keepingVideos);
  const onDrive = TASKS.map((task) => totalOf(costOf({ ...task, output: 'drive' })));
  const totals = items.map(totalOf);
  const perMinute = TASKS.map((task, at) => (totals[at] as number) / minutesOf(task));
  const shown = items[SHOWN] ?? [];
  const row = (name: string, arithmetic: string, dollars: readonly number[]) => [
    name,
    arithmetic,
    ...dollars.map(money),
  ];
  return markdown([
    [
      'what',
      'arithmetic for 1,000',
      ...TASKS.map(({ videos, clips }) => `${amount(videos)} of ${clips} clips`),
    ],
    ...shown.map((item, at) =>
      row(
        item.name,
        arithmetic(item),
        items.map((all) => all[at]?.dollars ?? 0),
      ),
    ),
    row('**together**', '', totals),
    row('... per minute of finished video', '', perMinute),
    row('... with `OUTPUT=drive`', '', onDrive),
    row(
      kept[SHOWN]?.name ?? '',
      arithmetic(kept[SHOWN] as (typeof kept)[number]),
      kept.map(({ dollars }) => dollars),
    ),
  ]);
}

/** What the same minutes cost elsewhere. */
export function peerTable(): string {
  const ours = TASKS.map((task) => money(totalOf(costOf(task))));
  return markdown([
    ['who', 'per minute', ...TASKS.map(({ videos }) => `${amount(videos)} videos`), 'for'],
    ['this service', '', ...ours, 'what is listed above'],
    ...PEERS.map(({ name, perMinute: [least, most], plan }) => [
      name,
      range(least, most, (dollars) => `$${dollars.toFixed(3)}`),
      ...TASKS.map((task) =>
        range(least * minutesOf(task), most * minutesOf(task), (dollars) => `$${dollars.toFixed(0)}`),
      ),
      plan,
    ]),
  ]);
}

function minutesOf({ videos, videoSeconds }: CostTask): number {
  return (videos * videoSeconds) / 60;
}

function arithmetic({ quantity, unit, price }: { quantity: number; unit: string; price: number }): string {
  return `${amount(quantity)}${unit === '' ? '' : ` ${unit}`} x $${plain(price)}`;
}

/** Three digits, without an exponent: 0.000058. */
function plain(value: number): string {
  const digits = Math.max(2, 2 - Math.floor(Math.log10(value)));
  return value.toFixed(digits).replace(/0+$/, '');
}

function amount(value: number): string {
  return new Intl.NumberFormat('en', { maximumFractionDigits: value < 10 ? 2 : 0 }).format(value);
}

/** Two digits, as the counts are no better; whole cents from a dollar on. */
function money(dollars: number): string {
  return `$${dollars === 0 || dollars >= 1 ? dollars.toFixed(2) : dollars.toPrecision(2)}`;
}

function range(least: number, most: number, format: (value: number) => string): string {
  const [from, to] = [format(least), format(most)];
  return from === to ? from : `${from}-${to.slice(1)}`;
}
