/**
 * Whether somebody who holds `held` of a number of places may take one more while `free` of them are free: if half of
 * what is free is more than that. One who wants everything gets a third of the places, the second a third of the rest,
 * and so on, so that the next one gets some at once; when places change hands, these shares become equal.
 */
export function leavesRoom(held: number, free: number): boolean {
  return held < free / 2;
}
