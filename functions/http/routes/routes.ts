/** All addresses of the HTTP interface. The router and the description are made of this list. */
import type { AccessDeps } from '../access.ts';
import type { CancelDeps } from '../cancel.ts';
import type { HealthDeps } from '../health.ts';
import type { McpDeps } from '../mcp.ts';
import type { MetricsDeps } from '../metrics.ts';
import type { ProcessMediaDeps } from '../process-media.ts';
import type { RetryDeps } from '../retry.ts';
import type { Route } from '../route.ts';
import type { SendWebhookDeps } from '../send-webhook.ts';
import type { SettingsDeps } from '../settings.ts';
import type { StatsDeps } from '../stats.ts';
import type { TasksDeps } from '../task-status.ts';
import type { UploadsDeps } from '../uploads.ts';
import type { VideoDeps } from '../video.ts';
import type { VoicesDeps } from '../voices.ts';
import type { WebPageDeps } from '../web-page.ts';
import { ACCESS_ROUTES } from './access.ts';
import { docsRoutes } from './docs.ts';
import { MANIFEST } from './manifest.ts';
import { MCP } from './mcp.ts';
import { PROCESS_MEDIA } from './process-media.ts';
import { RENDERS } from './renders.ts';
import { SERVICE } from './service.ts';
import { TASKS } from './tasks.ts';
import { UPLOADS } from './uploads.ts';
import { VOICES } from './voices.ts';
import { WEB } from './web.ts';

/** What the handlers of all routes need. */
export type RouteDeps = ProcessMediaDeps &
  TasksDeps &
  CancelDeps &
  RetryDeps &
  SendWebhookDeps &
  VideoDeps &
  AccessDeps &
  UploadsDeps &
  VoicesDeps &
  HealthDeps &
  MetricsDeps &
  StatsDeps &
  SettingsDeps &
  McpDeps &
  WebPageDeps;

export const ROUTES: readonly Route<RouteDeps>[] = [
  ...PROCESS_MEDIA,
  ...TASKS,
  ...RENDERS,
  ...MANIFEST,
  ...ACCESS_ROUTES,
  ...UPLOADS,
  ...VOICES,
  ...SERVICE,
  ...MCP,
  ...WEB,
  ...docsRoutes(() => ROUTES),
];
