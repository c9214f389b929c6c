/**
 * Whether somebody who holds `held` of a number of places may take one more while `free` of them are free: only while
 * they hold less than a quarter of what is free. One who wants everything gets a fifth of the places, the second a fifth
 * of the rest, and so on, so that the next one gets some at once. As places change hands, the shares become equal.
 */
export function leavesRoom(held: number, free: number): boolean {
  return held < free / 4;
}
