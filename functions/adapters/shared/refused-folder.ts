import { type PermanentError, RequestError } from '../../base/errors.ts';

/** Tells the client that posted the task why its folder cannot be made. The message's next step becomes the hint. */
export function refusedFolder(name: string, error: PermanentError): RequestError {
  const step = /Next step: (.+)$/s.exec(error.message)?.[1];
  return new RequestError('output_folder', `The output folder "${name}" cannot be made: ${error.message}`, {
    ...(step === undefined ? {} : { hint: `${step.charAt(0).toUpperCase()}${step.slice(1)}` }),
    cause: error,
  });
}
