/** The tokens of pushes, which say who sends them. */
import type { TokenRead } from '../model/push-token.ts';

/**
 * Reads the OIDC token of a push. Checks signature, issuer and times, but neither account nor audience. Certificates
 * are fetched at the first token and kept for as long as Google says.
 * @throws TransientError if the certificates cannot be fetched
 */
export interface TokenReader {
  read(token: string): Promise<TokenRead>;
}
