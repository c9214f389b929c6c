import type { Message } from '../../functions/model/messages.ts';
import type { Lease } from '../../functions/ports/leases.ts';

/** Describes a call in the same way in every process: "artifacts.put clip", "leases.take render". */
export function labelOf(name: string, args: readonly unknown[]): string {
  const detail = detailOf(name, args);
  return detail === '' ? name : `${name} ${detail}`;
}

function detailOf(name: string, [first, second]: readonly unknown[]): string {
  switch (name) {
    case 'artifacts.open':
    case 'artifacts.put':
    case 'attempts.record':
    case 'attempts.rest':
    case 'leases.take':
      return firstPart(first as string);
    case 'leases.release':
      return firstPart((first as Lease).key);
    case 'attempts.read':
    case 'attempts.resting':
    case 'leases.read':
      return distinct((first as string[]).map(firstPart));
    case 'pins.write':
      return firstPart(second as string);
    case 'pins.read':
      return distinct((second as string[]).map(firstPart));
    case 'queue.publish':
      return distinct((first as Message[]).map(({ topic }) => topic));
    default:
      return '';
  }
}

/** "clip" of "clip/5e8f...", "prepared" of "prepared-2". */
function firstPart(key: string): string {
  return key.split(/\/|-\d+$/)[0] as string;
}

function distinct(words: readonly string[]): string {
  return [...new Set(words)].join('+');
}
