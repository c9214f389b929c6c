/** Content-Disposition (RFC 6266): what a browser calls a file that it shows or saves. */

/** Shown in the browser, and saved under that name. */
export function inlineAs(fileName: string): string {
  return `inline; ${named(fileName)}`;
}

/** Saved under that name. */
export function attachmentAs(fileName: string): string {
  return `attachment; ${named(fileName)}`;
}

/** Once in plain ASCII, for old clients, and exactly, as RFC 8187 encodes it, where the two differ. */
function named(fileName: string): string {
  const plain = fileName.replace(/[^\w .,()+-]/g, '_');
  const exact = encodeURIComponent(fileName.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `filename="${plain}"${plain === fileName ? '' : `; filename*=UTF-8''${exact}`}`;
}
