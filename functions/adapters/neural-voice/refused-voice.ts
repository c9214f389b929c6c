/** What is wrong with the folder of a voice, and what to do. */

export const DOWNLOAD =
  'download the voice again, in the form of sherpa-onnx (infra/README.md, "An offline voice"), and unpack all of it';

export function refused(dir: string, expected: string, got: string, next: string): Error {
  return new Error(`OFFLINE_VOICE (${dir}): expected ${expected}, got ${got}. Next step: ${next}.`);
}
