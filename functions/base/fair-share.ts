/**
 * Whether somebody who holds `held` of a number of places may take one more while `free` of them are free. One who asks
 * for everything gets half, two get a third each, and so on: as much as each of them holds is left for the next one, who
 * never waits for the others to finish.
 */
export function leavesRoom(held: number, free: number): boolean {
  return held < free;
}
