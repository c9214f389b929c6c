/** What others wait for as well goes on; who asked need not wait. Rejects with the signal's reason. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  // Whoever has left does not hear of its end: that must not take the process down.
  work.catch(() => {});
  signal.throwIfAborted();
  using listening = new DisposableStack();
  const aborted = new Promise<never>((_, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    listening.defer(() => signal.removeEventListener('abort', stop));
  });
  return await Promise.race([work, aborted]);
}
