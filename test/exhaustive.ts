/** Global setup of `npm run test:exhaustive`: like that of `npm test`, but every suite tries all its cases. */
process.env['EXHAUSTIVE'] = '1';
// A release needs all of it.
process.env['REQUIRE_EMULATORS'] ??= '1';

export { globalSetup, globalTeardown } from './setup.ts';
