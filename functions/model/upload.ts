import { type UploadRequest, uploadRequestSchema } from './answers/upload.ts';
import { mistakesOf } from './mistakes.ts';
import { invalidRequest, validatorOf } from './validation.ts';

const MB = 2 ** 20;
const validator = validatorOf<UploadRequest>(uploadRequestSchema);

/**
 * Checks the parsed body of POST /uploads.
 * @param maxBytes MAX_SOURCE_MB, in bytes
 * @throws RequestError 'invalid_request' naming every mistake, each once
 */
export function readUpload(body: unknown, maxBytes: number): UploadRequest {
  const validate = validator();
  if (!validate(body)) throw invalidRequest(mistakesOf(validate.errors ?? []));
  if (body.bytes <= maxBytes) return body;
  const got = Math.ceil(body.bytes / MB);
  const message = `Expected at most ${maxBytes / MB} MB (MAX_SOURCE_MB), got ${got} MB. Send a smaller file, or raise MAX_SOURCE_MB.`;
  throw invalidRequest([{ pointer: '/bytes', code: 'too_many', message }]);
}
