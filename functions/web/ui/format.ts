/** Numbers as people read them. */

const NO_BREAK = '\u00a0';
const numbers = new Intl.NumberFormat('en');

/** `1,200`. */
export function whole(value: number): string {
  return numbers.format(value);
}

export function count(value: number, one: string, many = `${one}s`): string {
  return `${numbers.format(value)} ${value === 1 ? one : many}`;
}

/** `8 s`, `2 min 05 s`, `1 h 12 min`, which stay on one line. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return joined(whole, 's');
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return joined(minutes, 'min', String(whole % 60).padStart(2, '0'), 's');
  return joined(Math.floor(minutes / 60), 'h', String(minutes % 60).padStart(2, '0'), 'min');
}

/** `1.2 MB`, `512 bytes`. */
export function size(bytes: number): string {
  if (bytes < 1e3) return count(bytes, 'byte');
  const [value, unit] =
    bytes < 1e6 ? [bytes / 1e3, 'KB'] : bytes < 1e9 ? [bytes / 1e6, 'MB'] : [bytes / 1e9, 'GB'];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

function joined(...parts: readonly (string | number)[]): string {
  return parts.join(NO_BREAK);
}

/** US dollars: `$0.04`, `less than $0.01`. */
export function dollars(usd: number): string {
  if (usd === 0) return '$0';
  return usd < 0.01 ? 'less than $0.01' : `$${usd.toFixed(2)}`;
}

/** A moment as this browser writes it. */
export function when(time: string): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}
