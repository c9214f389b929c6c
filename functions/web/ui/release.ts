/** Frees the connection and the memory of a player that is no longer shown. */
export function release(media: HTMLMediaElement): void {
  media.pause();
  media.removeAttribute('src');
  media.load();
}
