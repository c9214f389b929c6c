export const MUSIC_RATE = 44_100;

/** One voice of a loop: a note at each step of every bar, or a rest. */
interface Part {
  /** Steps per bar; each is a place in the bar's chord (0 the root, 3 the root an octave up), or null. */
  steps: readonly (number | null)[];
  octave: number;
  volume: number;
  /** Seconds until a note has faded to about a third. */
  decay: number;
  /** How much of each overtone sounds. */
  overtones: readonly number[];
}

interface Loop {
  beatsPerMinute: number;
  /** One chord per bar, as semitones above C. */
  chords: readonly (readonly [number, number, number])[];
  parts: readonly Part[];
}

const C = [0, 4, 7] as const;
const D_MINOR = [2, 5, 9] as const;
const E_MINOR = [4, 7, 11] as const;
const F = [5, 9, 12] as const;
const G = [7, 11, 14] as const;
const A_MINOR = [9, 12, 16] as const;

/** Slow and warm, 12 s. */
const CALM: Loop = {
  beatsPerMinute: 80,
  chords: [C, A_MINOR, F, G],
  parts: [
    { steps: [0], octave: 3, volume: 0.3, decay: 1.3, overtones: [1, 0.3] },
    { steps: [0], octave: 4, volume: 0.12, decay: 1.3, overtones: [1, 0.2] },
    { steps: [1], octave: 4, volume: 0.12, decay: 1.3, overtones: [1, 0.2] },
    { steps: [2], octave: 4, volume: 0.12, decay: 1.3, overtones: [1, 0.2] },
    { steps: [0, 1, 2, 3, 2, 1, 2, 1], octave: 5, volume: 0.14, decay: 0.5, overtones: [1, 0.5, 0.15] },
  ],
};

/** Quick and bright, 14.5 s. */
const BRIGHT: Loop = {
  beatsPerMinute: 132,
  chords: [A_MINOR, F, C, G, A_MINOR, D_MINOR, E_MINOR, E_MINOR],
  parts: [
    { steps: [0, 0, 3, 0, 0, 0, 3, 0], octave: 2, volume: 0.32, decay: 0.18, overtones: [1, 0.6, 0.3, 0.1] },
    { steps: [null, 0, null, 0], octave: 4, volume: 0.14, decay: 0.12, overtones: [1, 0.4, 0.2] },
    { steps: [null, 1, null, 1], octave: 4, volume: 0.14, decay: 0.12, overtones: [1, 0.4, 0.2] },
    { steps: [null, 2, null, 2], octave: 4, volume: 0.14, decay: 0.12, overtones: [1, 0.4, 0.2] },
    {
      steps: [3, null, null, 2, null, null, 1, null],
      octave: 5,
      volume: 0.16,
      decay: 0.3,
      overtones: [1, 0.3],
    },
  ],
};

/** Two short pieces that loop without a gap, as 16-bit mono at MUSIC_RATE. */
export function sampleMusic(): { calm: Int16Array; bright: Int16Array } {
  return { calm: played(CALM), bright: played(BRIGHT) };
}

function played({ beatsPerMinute, chords, parts }: Loop): Int16Array {
  const barSeconds = (4 * 60) / beatsPerMinute;
  const sound = new Float64Array(Math.round(chords.length * barSeconds * MUSIC_RATE));
  for (const part of parts) {
    for (const [bar, chord] of chords.entries()) {
      for (const [step, place] of part.steps.entries()) {
        if (place === null) continue;
        const semitones = (chord[place % 3] as number) + 12 * Math.floor(place / 3);
        addNote(sound, (bar + step / part.steps.length) * barSeconds, semitones, part);
      }
    }
  }
  return Int16Array.from(sound, (value) => Math.round(Math.tanh(value) * 32_000));
}

/** A note that rings past the end continues at the beginning, which makes the loop seamless. */
function addNote(sound: Float64Array, start: number, semitones: number, part: Part): void {
  const hertz = 440 * 2 ** ((semitones - 9) / 12 + part.octave - 4);
  const first = Math.round(start * MUSIC_RATE);
  const length = Math.min(sound.length, Math.round(part.decay * 5 * MUSIC_RATE));
  for (let at = 0; at < length; at++) {
    const time = at / MUSIC_RATE;
    const envelope =
      Math.min(1, time / 0.01) * Math.exp(-time / part.decay) * Math.min(1, (length - at) / 500);
    const phase = 2 * Math.PI * hertz * time;
    const wave = part.overtones.reduce(
      (sum, share, overtone) => sum + share * Math.sin(phase * (overtone + 1)),
      0,
    );
    const place = (first + at) % sound.length;
    sound[place] = (sound[place] as number) + part.volume * envelope * wave;
  }
}
