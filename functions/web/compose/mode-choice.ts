/** One by chance, or each: the choice for lines and for tracks. */
import { useId } from 'preact/hooks';
import { html } from '../ui/html.ts';

type Mode = 'random' | 'each';

export interface ModeChoiceProps {
  legend: string;
  value: Mode;
  onChange: (mode: Mode) => void;
  /** What each of them does, in words. */
  random: string;
  each: string;
}

export function ModeChoice({ legend, value, onChange, random, each }: ModeChoiceProps) {
  const name = useId();
  const option = (mode: Mode, text: string) => html`
    <label class="check">
      <input type="radio" name=${name} checked=${value === mode} onChange=${() => onChange(mode)} />
      <span>${text}</span>
    </label>`;
  return html`
    <fieldset class="mode">
      <legend>${legend}</legend>
      <div class="row">${option('random', random)}${option('each', each)}</div>
    </fieldset>`;
}
