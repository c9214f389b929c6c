import { healthSchema, readySchema } from '../../model/answers/health.ts';
import { settingsSchema } from '../../model/answers/settings.ts';
import { statsSchema } from '../../model/answers/stats.ts';
import { HEALTH, READY, SETTINGS, STATS } from '../examples.ts';
import { type HealthDeps, health, readiness } from '../health.ts';
import { type MetricsDeps, metrics } from '../metrics.ts';
import { POLL_AFTER, type Route } from '../route.ts';
import { getSettings, type SettingsDeps } from '../settings.ts';
import { getStats, type StatsDeps } from '../stats.ts';

export const SERVICE: readonly Route<HealthDeps & MetricsDeps & StatsDeps & SettingsDeps>[] = [
  {
    name: 'health',
    method: 'GET',
    path: '/healthz',
    aliases: ['/health'],
    tag: 'Service',
    summary: 'See whether the service answers',
    description:
      'Under /health, too, because the front end of Cloud Run may answer paths that end in z itself.',
    isOpen: true,
    countedAs: 'probe',
    answers: { 200: { description: 'It answers.', schema: healthSchema, example: HEALTH } },
    codes: [],
    answer: () => health(),
  },
  {
    name: 'readiness',
    method: 'GET',
    path: '/readyz',
    aliases: ['/ready'],
    tag: 'Service',
    summary: 'See whether the service can take work',
    description:
      'Under /ready, too, because the front end of Cloud Run may answer paths that end in z itself.',
    isOpen: true,
    countedAs: 'probe',
    answers: {
      200: { description: 'It can.', schema: readySchema, example: READY },
      503: {
        description: 'It cannot; checks say why.',
        schema: readySchema,
        headers: { 'Retry-After': POLL_AFTER },
      },
    },
    codes: [],
    answer: (_call, deps) => readiness(deps),
  },
  {
    name: 'stats',
    method: 'GET',
    path: '/stats',
    tag: 'Service',
    summary: 'See what the service is doing',
    description: 'An answer may be a second old, and in the cloud ten.',
    answers: { 200: { description: 'What it is doing.', schema: statsSchema, example: STATS } },
    codes: [],
    answer: (_call, deps) => getStats(deps),
  },
  {
    name: 'settings',
    method: 'GET',
    path: '/settings',
    tag: 'Service',
    summary: 'See the settings of the service',
    description:
      'Secrets are never in it. In the cloud they are those of the HTTP function, without what only other functions have.',
    answers: {
      200: { description: 'What it was started with.', schema: settingsSchema, example: SETTINGS },
    },
    codes: [],
    answer: (_call, deps) => getSettings(deps),
  },
  {
    name: 'metrics',
    method: 'GET',
    path: '/metrics',
    tag: 'Service',
    summary: 'The metrics of this machine, for Prometheus',
    description: 'With the API key, if there is one. Not in the cloud, where many machines answer.',
    isOffered: ({ metricsText }) => metricsText !== undefined,
    answers: { 200: { description: 'In the text format of Prometheus.', media: ['text/plain'] } },
    codes: [],
    answer: (_call, deps) => metrics(deps),
  },
];
