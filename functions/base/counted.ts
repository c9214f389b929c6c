/** A number and what it counts, whose plural is formed with -s: `1 combination`, `3 combinations`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
