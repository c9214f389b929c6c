/** Names of the schemas in the description. One without a name is called like the field or the address that it is found at. */

import { healthSchema, readySchema } from '../../model/answers/health.ts';
import { linksSchema } from '../../model/answers/links.ts';
import { problemSchema } from '../../model/answers/problem.ts';
import {
  choicesSchema,
  estimateSchema,
  failureSchema,
  planSchema,
  renderListSchema,
  renderSchema,
  selectionSchema,
  sideFileSchema,
} from '../../model/answers/render.ts';
import { settingSchema, settingsSchema } from '../../model/answers/settings.ts';
import {
  acceptedSchema,
  problemViewSchema,
  statusSchema,
  taskEntrySchema,
  taskListSchema,
} from '../../model/answers/task.ts';
import { uploadRequestSchema, uploadSchema } from '../../model/answers/upload.ts';
import { voiceListSchema, voiceSchema } from '../../model/answers/voice.ts';
import { eventSchema, webhookSchema } from '../../model/answers/webhook.ts';
import { requestSchema } from '../../model/request-schema.ts';

const { properties } = requestSchema;

export const SCHEMA_NAMES = [
  ['ProcessMediaRequest', requestSchema],
  ['Block', properties.video_blocks.then.items],
  ['Clip', properties.video_blocks.then.items.properties.urls.items.then],
  ['Format', properties.output.properties.formats.items.then],
  ['Captions', properties.captions],
  ['Overlay', properties.overlays.items],
  ['PartialCombination', properties.include.items],
  ['Line', properties.text_to_speech.items],
  ['Output', properties.output],
  ['Audio', properties.audio],
  ['Accepted', acceptedSchema],
  ['Plan', planSchema],
  ['Selection', selectionSchema],
  ['Estimate', estimateSchema],
  ['Combination', choicesSchema],
  ['Status', statusSchema],
  ['TaskProblem', problemViewSchema],
  ['TaskLinks', linksSchema],
  ['TaskEntry', taskEntrySchema],
  ['TaskList', taskListSchema],
  ['Webhook', webhookSchema],
  ['Render', renderSchema],
  ['RenderList', renderListSchema],
  ['SideFile', sideFileSchema],
  ['Failure', failureSchema],
  ['UploadRequest', uploadRequestSchema],
  ['Upload', uploadSchema],
  ['VoiceList', voiceListSchema],
  ['Voice', voiceSchema],
  ['Settings', settingsSchema],
  ['Setting', settingSchema],
  ['Health', healthSchema],
  ['Ready', readySchema],
  ['Event', eventSchema],
  ['Problem', problemSchema],
] as const;

/** `process-media` or `invalid_request` as `ProcessMedia`, `InvalidRequest`. */
export function camel(name: string): string {
  return name.replaceAll(/(?:^|[^a-zA-Z0-9]+)([a-zA-Z0-9]?)/g, (_, letter: string) => letter.toUpperCase());
}
