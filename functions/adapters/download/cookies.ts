import type { IncomingHttpHeaders } from 'node:http';

/** The cookies of one chain of redirects: in memory, and forgotten with it. */
export interface CookieJar {
  /** Keeps what an answer of that URL sets. */
  keep(url: URL, headers: IncomingHttpHeaders): Promise<void>;
  /** The header for a request to that URL, if it has cookies. */
  headers(url: URL): Record<string, string>;
}

/**
 * Share links of SharePoint and OneDrive, and walls that check for cookies, set one and redirect: without it they refuse
 * the file, or redirect for ever. A cookie goes back to the origin that set it and nowhere else, whatever its Domain says.
 */
export function createCookieJar(): CookieJar {
  const origins = new Map<string, Map<string, string>>();
  return {
    async keep({ origin }, headers) {
      const lines = headers['set-cookie'] ?? [];
      if (lines.length === 0) return;
      // Returns null for what browsers would not keep: no name, more than 4 KB, control characters.
      const { parseCookie } = await import('undici');
      const cookies = origins.get(origin) ?? new Map<string, string>();
      origins.set(origin, cookies);
      for (const line of lines) {
        const cookie = parseCookie(line);
        if (cookie === null) continue;
        const { name, value, maxAge, expires } = cookie;
        const isOver = maxAge === undefined ? Number(expires) < Date.now() : maxAge <= 0;
        if (isOver) cookies.delete(name);
        else cookies.set(name, value);
      }
    },
    headers({ origin }) {
      const cookies = [...(origins.get(origin) ?? [])].map(([name, value]) => `${name}=${value}`);
      return cookies.length === 0 ? {} : { cookie: cookies.join('; ') };
    },
  };
}
