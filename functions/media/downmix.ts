/**
 * Brings any channels to stereo. ffmpeg itself would lower a single channel by 3 dB, and drop unusual ones: those whose
 * places it does not know or does not mix. Pure.
 */

/** What ffmpeg takes channels without names for. */
const BY_COUNT: Readonly<Record<number, readonly string[]>> = {
  3: ['FL', 'FR', 'LFE'],
  4: ['FL', 'FR', 'FC', 'BC'],
  5: ['FL', 'FR', 'FC', 'BL', 'BR'],
  6: ['FL', 'FR', 'FC', 'LFE', 'BL', 'BR'],
  7: ['FL', 'FR', 'FC', 'LFE', 'BC', 'SL', 'SR'],
  8: ['FL', 'FR', 'FC', 'LFE', 'BL', 'BR', 'SL', 'SR'],
};
/** At -3 dB, as ITU-R BS.775 has it for the centre and the surrounds. */
const QUIETER = 0.71;
const FRONT_LEFT = ['FL', 'DL'];
const FRONT_RIGHT = ['FR', 'DR'];
const LEFT = ['SL', 'BL', 'FLC', 'WL', 'TFL', 'TBL', 'TSL', 'BFL', 'SDL', 'SSL', 'TTL'];
const RIGHT = ['SR', 'BR', 'FRC', 'WR', 'TFR', 'TBR', 'TSR', 'BFR', 'SDR', 'SSR', 'TTR'];
const MIDDLE = ['FC', 'BC', 'TC', 'TFC', 'TBC', 'BFC'];
/** Low frequencies only, which the other channels have too. ffmpeg drops them as well. */
const LOW = ['LFE', 'LFE2'];

/** Layouts of no other places than those in USUAL. Empty: not known, but such as speech has. */
const USUAL_LAYOUT =
  /^(|mono|stereo|downmix|[2-7]\.[01](\((?!top)[a-z-]+\))?|quad(\(side\))?|hexagonal|octagonal)$/;
/**
 * By name, so that it fits whatever the sound changes to half-way: names that are not there count for nothing. Like
 * browsers, it gives a single channel, the centre, to both sides at full level.
 */
const USUAL = ['L', 'R'].map((side) =>
  [
    ...['F', 'D'].map((place) => place + side),
    ...['FC', 'BC', `S${side}`, `B${side}`, `F${side}C`].map(quieter),
  ].join('+'),
);

/**
 * A filter and a comma; an empty text for the few layouts that ffmpeg must mix down by itself.
 * @param layout as ffmpeg names it, such as "stereo", "9 channels" or "4 channels (UNSD+UNSD+UNSD+UNSD)"
 */
export function downmix(layout: string): string {
  if (USUAL_LAYOUT.test(layout)) return `pan=stereo|c0<${USUAL[0]}|c1<${USUAL[1]},`;
  // Full spheres: the first channel is the sound from everywhere, the second its difference from left to right.
  if (/^ambisonic [1-9]/.test(layout)) return 'pan=stereo|c0=0.5*c0+0.5*c1|c1=0.5*c0-0.5*c1,';
  const [, digits, list] = /^(\d{1,3}) channels(?: \(([^)]*)\))?/.exec(layout) ?? [];
  const count = Number(digits);
  if (digits === undefined || count < 1) return '';
  // A single channel has no name to be wrong about.
  if (count === 1) return 'pan=stereo|c0=c0|c1=c0,';
  const said = list?.split('+').map((name) => name.replace(/@.*/, '')) ?? [];
  const places = said.some(isKnown) ? said : (BY_COUNT[count] ?? []);
  const [left, right] = [terms(count, places, 0), terms(count, places, 1)];
  // "<" scales the sum down to full level, as ffmpeg does.
  return `pan=stereo|c0<${left}|c1<${right},`;
}

function quieter(channel: string): string {
  return `${QUIETER}*${channel}`;
}

function isKnown(name: string): boolean {
  return [FRONT_LEFT, FRONT_RIGHT, LEFT, RIGHT, MIDDLE, LOW].some((names) => names.includes(name));
}

/** What goes to one side: 0 is left, 1 is right. Of channels without a place, pairs belong together. */
function terms(count: number, places: readonly string[], side: 0 | 1): string {
  const [front, own] = side === 0 ? [FRONT_LEFT, LEFT] : [FRONT_RIGHT, RIGHT];
  const all = Array.from({ length: count }, (_, at) => {
    const name = places[at] ?? '';
    const isLone = at === count - 1 && count % 2 === 1;
    if (!isKnown(name)) return at % 2 === side || isLone ? `c${at}` : '';
    if (front.includes(name)) return `c${at}`;
    return own.includes(name) || MIDDLE.includes(name) ? quieter(`c${at}`) : '';
  }).filter((term) => term !== '');
  return all.length > 0 ? all.join('+') : '0*c0';
}
