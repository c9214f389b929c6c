const DOTS = /(^|[/\\])((?:\.|%2e){1,2})(?=[/\\#]|$)/gi;

/**
 * The request target, its segments of dots escaped once more: `/a/../b` would be read as `/b`, an address that nobody has
 * written and that proxies on the way may have rules for. Clients that mean `/b` send that.
 */
export function withLiteralDots(target: string): string {
  const [path = ''] = target.split('?', 1);
  const literal = path.replace(
    DOTS,
    (_, slash: string, dots: string) => `${slash}${dots.replace(/\.|%2e/gi, '%252e')}`,
  );
  return literal + target.slice(path.length);
}
