/** All addresses of the HTTP interface. The router and the description are made of this list. */
import type { CancelDeps } from '../cancel.ts';
import type { ProcessMediaDeps } from '../process-media.ts';
import type { RetryDeps } from '../retry.ts';
import type { Route } from '../route.ts';
import type { TasksDeps } from '../task-status.ts';
import { docsRoutes } from './docs.ts';
import { PROCESS_MEDIA } from './process-media.ts';
import { RENDERS } from './renders.ts';
import { TASKS } from './tasks.ts';

/** What the handlers of all routes need. */
export type RouteDeps = ProcessMediaDeps & TasksDeps & CancelDeps & RetryDeps;

export const ROUTES: readonly Route<RouteDeps>[] = [
  ...PROCESS_MEDIA,
  ...TASKS,
  ...RENDERS,
  ...docsRoutes(() => ROUTES),
];
