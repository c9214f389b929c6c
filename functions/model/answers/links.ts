import type { FromSchema } from 'json-schema-to-ts';
import { object, url } from './shape.ts';

/** Addresses of a task. */
export const linksSchema = object({
  self: url('The status.'),
  renders: url('The videos.'),
  manifest: url('The manifest as JSON; .csv and .zip are beside it.'),
  cancel: url('POST: cancels the task.'),
  retry: url('POST: makes the failed videos again.'),
});
export type TaskLinks = FromSchema<typeof linksSchema>;
