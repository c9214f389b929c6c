/**
 * Text as the value of an option within a filter graph: escaped for the list of options, then for the graph.
 * https://ffmpeg.org/ffmpeg-filters.html#Notes-on-filtergraph-escaping
 */
export function filterText(text: string): string {
  return text.replace(/[\\':]/g, '\\$&').replace(/[\\'[\],;]/g, '\\$&');
}
