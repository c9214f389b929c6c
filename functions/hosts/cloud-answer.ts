/** With HTTP/1, Cloud Run lets larger answers through only in chunks: https://cloud.google.com/run/quotas#cloud_run_limits */
const MOST_ANNOUNCED_BYTES = 32 * 2 ** 20;

/** Without the length of a body that Cloud Run would refuse with it, also if it is streamed. */
export function inChunks(answer: Response): Response {
  if (Number(answer.headers.get('content-length')) >= MOST_ANNOUNCED_BYTES)
    answer.headers.delete('content-length');
  return answer;
}
