/** Checks that a push to a stage comes from the configured account and is meant for this service. */
import { CLOSE_CONNECTION } from '../base/close-connection.ts';
import { RequestError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { PushRule } from '../config/config.ts';
import type { TokenClaims } from '../model/push-token.ts';
import type { TokenReader } from '../ports/push-token.ts';

export interface PushAccessOptions {
  rule: PushRule;
  tokens: TokenReader;
  log: Log;
}

/**
 * Resolves if the sender of these headers may push to the function. The log says what is wrong with a token, and once which
 * kind is accepted; the answer only says whether the token is valid. No token is read from X-Serverless-Authorization, because
 * Cloud Run removes the signature there: https://cloud.google.com/run/docs/troubleshooting#signature-removed
 * @throws RequestError: 401 without a valid token, 403 with a token of another account or for another audience
 * @throws TransientError if the token cannot be checked now
 */
export type PushAccess = (functionName: string, headers: Headers) => Promise<void>;

type TokenRule = Extract<PushRule, { kind: 'token' }>;

/** One token as in RFC 7519, section 3.1, and nothing after it. */
const BEARER = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;

/** https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions */
export function createPushAccess({ rule, tokens, log }: PushAccessOptions): PushAccess {
  const refuse = (functionName: string, expected: string, got: string): void => {
    log.warn(`A push to ${functionName} was refused: expected ${expected}, got ${got}`, {
      event: 'push.refused',
      function: functionName,
    });
  };

  const told = new Set<string>();
  const accept = (functionName: string, kind: 'signed' | 'unsigned'): void => {
    if (told.has(kind)) return;
    told.add(kind);
    const which = kind === 'signed' ? 'a signed token' : 'a token whose signature Cloud Run has removed';
    log.info(`Pushes to ${functionName} come with ${which}`, {
      event: 'push.accepted',
      function: functionName,
      token: kind,
    });
  };

  return async (functionName, headers) => {
    const authorization = headers.get('authorization');
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
        ? { refused: authorization === null ? 'none' : 'a header without one' }
        : await tokens.read(token);
    const unproven = 'refused' in read ? read.refused : read.unsigned ? unprovenBy(rule, headers) : undefined;
    if ('refused' in read || unproven !== undefined) {
      refuse(functionName, 'an OIDC token from Google', String(unproven));
      throw new RequestError('push_unauthenticated', 'Expected a valid token from Google, got none.', {
        headers: { ...CLOSE_CONNECTION, 'www-authenticate': 'Bearer' },
      });
    }
    const mismatch = mismatchOf(rule, read.claims);
    if (mismatch === undefined) {
      accept(functionName, read.unsigned ? 'unsigned' : 'signed');
      return;
    }
    refuse(functionName, 'a token of PUSH_ACCOUNT for PUSH_AUDIENCE', mismatch);
    throw forbidden();
  };
}

/**
 * How the token differs from the rule; undefined if it matches. Account and audience must both match: anyone can get a
 * token from Google for any audience, and the account has tokens for other audiences.
 */
function mismatchOf(rule: TokenRule, { audience, email, emailVerified }: TokenClaims): string | undefined {
  if (email !== rule.account) return 'one of another account';
  if (emailVerified !== true) return 'one whose account Google has not verified';
  if (audience !== rule.audience) return 'one for another audience';
  return undefined;
}

/**
 * What is wrong with a token without a signature; undefined if Cloud Run must have checked it. Whoever gets past the front end
 * has shown it a signed token. If that was in the other header, this one may hold anything.
 */
function unprovenBy({ iam }: TokenRule, headers: Headers): string | undefined {
  if (iam !== 'enforced') return 'one whose signature Google has removed';
  if (headers.has('x-serverless-authorization'))
    return 'one without a signature beside X-Serverless-Authorization';
  return undefined;
}

function forbidden(): RequestError {
  const detail = 'Expected a caller that may push to this function, got one that may not.';
  return new RequestError('push_forbidden', detail, { headers: CLOSE_CONNECTION });
}
