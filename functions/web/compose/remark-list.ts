/** What the service remarks of the plan, beside what it is about. */
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { plan } from './plan.ts';
import { placeOfRemark, type RemarkPlace, sentence } from './remarks.ts';

export function Remarks({ place }: { place: RemarkPlace }) {
  const warnings = useStore(plan, (state) => state.plan?.warnings);
  const here = (warnings ?? []).filter((warning) => placeOfRemark(warning) === place);
  return html`${here.map((warning) => html`<p key=${warning} class="muted small">${sentence(warning)}</p>`)}`;
}
