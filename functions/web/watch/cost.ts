/** What an ended task cost, from its manifest. */
import { useEffect, useState } from 'preact/hooks';
import type { ManifestView } from '../../model/answers/manifest.ts';
import { ask } from '../service.ts';
import { count, dollars, duration } from '../ui/format.ts';
import { html } from '../ui/html.ts';

/** An entry of a list of facts. */
export function Cost({ taskId }: { taskId: string }) {
  const [cost, set] = useState<ManifestView['cost'] | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    ask((client) => client.manifest(taskId, { signal: stop.signal })).then(
      (manifest) => set(manifest.cost),
      // It is no more than a remark.
      () => {},
    );
    return () => stop.abort();
  }, [taskId]);
  if (cost === null) return null;
  const speech =
    cost.speech_characters === 0 ? '' : ` and ${count(cost.speech_characters, 'character')} of speech`;
  return html`
    <div>
      <dt>Cost</dt>
      <dd>${cost.usd === 0 ? '' : 'about '}${dollars(cost.usd)} <span class="watch-aside">for ${duration(cost.compute_seconds)} of computing${speech}</span></dd>
    </div>`;
}
