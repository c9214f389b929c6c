import { RequestError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { PushRule } from '../config/config.ts';
import type { TokenClaims, TokenReader } from '../ports.ts';

export interface PushAccessOptions {
  rule: PushRule;
  tokens: TokenReader;
  log: Log;
}

/**
 * Resolves where whoever sent that Authorization header may push to the function. What is wrong with it is for the log:
 * the answer tells only whether Google knows the caller. X-Serverless-Authorization is not looked at, as Cloud Run takes
 * the signature out of it: https://cloud.google.com/run/docs/troubleshooting#signature-removed
 * @throws RequestError: 401 without a valid token, 403 with that of another account or for another audience
 * @throws TransientError where the token cannot be checked now
 */
export type PushAccess = (functionName: string, authorization: string | null) => Promise<void>;

type TokenRule = Extract<PushRule, { kind: 'token' }>;

/** One token in the form of RFC 7519, 3.1, and nothing behind it. */
const BEARER = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;
/** Of a body that nobody read, the rest would stand in the way of the next request. */
const CLOSE = { connection: 'close' };

/** https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions */
export function createPushAccess({ rule, tokens, log }: PushAccessOptions): PushAccess {
  const refuse = (functionName: string, expected: string, got: string): void => {
    log.warn(`A push to ${functionName} was refused: expected ${expected}, got ${got}`, {
      event: 'push.refused',
      function: functionName,
    });
  };

  return async (functionName, authorization) => {
    if (rule.kind === 'emulator') return;
    if (rule.kind === 'not set') {
      log.error(
        `A push to ${functionName} was refused: expected PUSH_ACCOUNT and PUSH_AUDIENCE, got neither. ` +
          'Next step: set them to the account and the audience of its subscription; infra/cloud/deploy.sh does.',
        { event: 'push.not_set_up', function: functionName },
      );
      throw forbidden();
    }
    const token = BEARER.exec(authorization ?? '')?.[1];
    const read =
      token === undefined
        ? { refused: authorization === null ? 'none' : 'something else' }
        : await tokens.read(token);
    if ('refused' in read) {
      refuse(functionName, 'an OIDC token of Google', read.refused);
      throw new RequestError('push_unauthenticated', 'Expected a valid token of Google, got none.', {
        headers: { ...CLOSE, 'www-authenticate': 'Bearer' },
      });
    }
    const other = otherThan(rule, read.claims);
    if (other === undefined) return;
    refuse(functionName, 'a token of PUSH_ACCOUNT for PUSH_AUDIENCE', other);
    throw forbidden();
  };
}

/**
 * Anyone can have Google sign a token for any audience, and tokens of that account for others are about: only both make
 * it ours. Undefined: it is.
 */
function otherThan(rule: TokenRule, { audience, email, emailVerified }: TokenClaims): string | undefined {
  if (email !== rule.account) return 'one of another account';
  if (emailVerified !== true) return 'one whose account Google has not verified';
  if (audience !== rule.audience) return 'one for another audience';
  return undefined;
}

function forbidden(): RequestError {
  const detail = 'Expected a caller who may push to this function, got one who may not.';
  return new RequestError('push_forbidden', detail, { headers: CLOSE });
}
