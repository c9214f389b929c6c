import { healthSchema, readySchema } from '../../model/answers/health.ts';
import { HEALTH, READY } from '../examples.ts';
import { type HealthDeps, health, readiness } from '../health.ts';
import { POLL_AFTER, type Route } from '../route.ts';

export const SERVICE: readonly Route<HealthDeps>[] = [
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
    isProbe: true,
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
    isProbe: true,
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
];
