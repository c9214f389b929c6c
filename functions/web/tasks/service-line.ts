/** What the service does now, and why it cannot take work. */
import { useState } from 'preact/hooks';
import type { ReadyView } from '../../model/answers/health.ts';
import type { StatsView } from '../../model/answers/stats.ts';
import { ask } from '../service.ts';
import { html } from '../ui/html.ts';
import { Notice } from '../ui/notice.ts';
import { useTicks } from '../ui/ticks.ts';
import { serviceWords } from './service-words.ts';

const PAUSE_MS = 5_000;

export function ServiceLine() {
  const [stats, setStats] = useState<StatsView | null>(null);
  const [ready, setReady] = useState<ReadyView | null>(null);
  const look = async (signal: AbortSignal) => {
    try {
      const [now, readiness] = await Promise.all([
        ask((client) => client.stats({ signal })),
        ask((client) => client.ready({ signal })),
      ]);
      setStats(now);
      setReady(readiness);
    } catch {
      // The list says that the service does not answer. What it did before is not what it does now.
      if (!signal.aborted) setStats(null);
    }
  };
  useTicks(look, PAUSE_MS);
  const failed = Object.entries(ready?.checks ?? {}).filter(([, { status }]) => status === 'failed');
  return html`
    ${
      failed.length === 0
        ? null
        : html`<${Notice} kind="warn">The service cannot take work now. ${failed
            .map(([name, { detail }]) => `${name}: ${detail ?? 'Expected it to work, got an error.'}`)
            .join(' ')}<//>`
    }
    ${stats === null ? null : html`<p class="muted small service-line">${serviceWords(stats).join(' · ')}</p>`}`;
}
