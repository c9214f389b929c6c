/** Security headers for every answer. A browser may show the answer to its user, and nothing else. */

export interface SecurityHeadersOptions {
  /** Whether all callers use TLS, so that browsers can be told to use nothing else. */
  tls: boolean;
}

/** Seconds; two years, as https://hstspreload.org advises. */
const TLS_ONLY_SECONDS = 63_072_000;

/** An answer may override them. Pages of other sites can read answers only with the headers of cors.ts. */
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
