import { type PermanentError, RequestError } from '../../base/errors.ts';

/** Why a task's folder cannot be made, for who posted the task; the hint is what the message says to do. */
export function refusedFolder(name: string, error: PermanentError): RequestError {
  const step = /Next step: (.+)$/s.exec(error.message)?.[1];
  return new RequestError('output_folder', `The output folder "${name}" cannot be made: ${error.message}`, {
    ...(step === undefined ? {} : { hint: `${step.charAt(0).toUpperCase()}${step.slice(1)}` }),
    cause: error,
  });
}
