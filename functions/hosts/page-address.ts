/** Where a person opens the page of a service that listens on `url`. */
export function pageAddress(url: string): string {
  const page = new URL(url);
  // A server listens on all addresses under these names, but not every browser opens them.
  if (page.hostname === '0.0.0.0' || page.hostname === '[::]') page.hostname = 'localhost';
  return page.origin;
}

/** For a terminal, where it must not be lost among the lines of the log. */
export function invitation(page: string): string {
  return `\n  Open ${page} in your browser\n\n`;
}
