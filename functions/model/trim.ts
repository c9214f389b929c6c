/** Limits of a part of a clip or track that are known before the file is. */
import { framesPerSecond, STANDARD_RATES } from './frame-rate.ts';

/** No video has shorter frames, unless it asks for more of them. Seconds. */
export const LEAST_FRAME_SECONDS = 1 / Math.max(...STANDARD_RATES.map(framesPerSecond));
