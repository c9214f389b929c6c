/** The volume of one clip or track. */
import { html } from '../ui/html.ts';

export interface VolumeFieldProps {
  /** 0 to 2; null: as all others. */
  volume: number | null;
  isTrack: boolean;
  onChange: (volume: number | null) => void;
}

/** A clip follows the slider for the sound of all clips unless it has a volume of its own. */
export function VolumeField({ volume, isTrack, onChange }: VolumeFieldProps) {
  const percent = Math.round((volume ?? 1) * 100);
  const slider = html`
    <label class="field">
      <span>${isTrack ? 'Volume' : 'Volume of its own sound'}: <output>${percent} %</output></span>
      <input type="range" min="0" max="200" step="5" value=${percent} aria-valuetext=${`${percent} %`}
        onInput=${(event: InputEvent) => {
          const next = Number((event.target as HTMLInputElement).value) / 100;
          onChange(isTrack && next === 1 ? null : next);
        }} />
    </label>`;
  if (isTrack) return slider;
  return html`
    <fieldset>
      <label class="check">
        <input type="checkbox" checked=${volume !== null} onChange=${() => onChange(volume === null ? 1 : null)} />
        A volume of its own
      </label>
      ${volume === null ? null : slider}
    </fieldset>`;
}
