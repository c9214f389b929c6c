/** The bytes of sources that are named by an address. */

import type { Download, Validator } from '../model/source.ts';
import type { SourceLocation } from '../model/source-location.ts';

export interface Downloads {
  /**
   * prepare: one GET into `file`, conditional if a validator is given. Throws PermanentError if a retry is pointless,
   * and TransientError if it may help.
   */
  get(
    location: SourceLocation,
    file: string,
    options: { validator?: Validator | undefined; signal: AbortSignal },
  ): Promise<Download>;
}
