/** The claims of a token. The caller compares them with the expected ones. */
export interface TokenClaims {
  audience: unknown;
  email: unknown;
  emailVerified: unknown;
}

/**
 * unsigned: the token says that Google's front end has checked its signature and removed it, as anyone can write. refused: what
 * is wrong with it, completes "got", and contains no part of it.
 */
export type TokenRead =
  | { claims: TokenClaims; unsigned?: never }
  | { claims: TokenClaims; unsigned: true }
  | { refused: string };
