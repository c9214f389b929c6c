/** Headers of every answer, whatever gives it: they let a browser do nothing with it but show it to whoever asked. */

export interface SecurityHeadersOptions {
  /** Callers come by TLS only, so that a browser may be told never to come without it. */
  tls: boolean;
}

/** Seconds; two years, as https://hstspreload.org advises. */
const TLS_ONLY_SECONDS = 63_072_000;

/** An answer may set its own instead, as a page needs a policy of its own. There is none of CORS: no other site reads answers. */
export function securityHeaders({ tls }: SecurityHeadersOptions): Readonly<Record<string, string>> {
  return {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    ...(tls ? { 'strict-transport-security': `max-age=${TLS_ONLY_SECONDS}` } : {}),
  };
}
