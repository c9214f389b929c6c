/** The day and time where the person is, such as `2026-11-30 14-05`: names of folders have no colons. */
export function dayAndTime(now = new Date()): string {
  const two = (part: number) => String(part).padStart(2, '0');
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-');
  return `${day} ${two(now.getHours())}-${two(now.getMinutes())}`;
}
