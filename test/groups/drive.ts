import { runTogether } from '../fixtures/system/together.ts';

runTogether('drive');
