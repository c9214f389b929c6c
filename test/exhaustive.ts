/** Global setup of `npm run test:exhaustive`: as for `npm test`, but every suite tries all it knows. */
process.env['EXHAUSTIVE'] = '1';

export { globalSetup, globalTeardown } from './setup.ts';
