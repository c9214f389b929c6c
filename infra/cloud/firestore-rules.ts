/**
 * Releases firestore.rules, which deny every client, for the database (default). Called by infra/cloud/setup.sh. Other
 * rules are replaced only with REPLACE_RULES=true, because another application may need them.
 * https://firebase.google.com/docs/reference/rules/rest
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { googleApi } from './google-api.ts';

interface Release {
  name: string;
  rulesetName: string;
}

interface Ruleset {
  name: string;
  source: { files: { name: string; content: string }[] };
}

const FILE = 'firestore.rules';

const [project = ''] = process.argv.slice(2);
const { ACCESS_TOKEN = '', REPLACE_RULES, CLOUDSDK_API_ENDPOINT_OVERRIDES_FIREBASERULES } = process.env;
const ask = googleApi({
  name: 'Firebase Rules',
  url: `${CLOUDSDK_API_ENDPOINT_OVERRIDES_FIREBASERULES ?? 'https://firebaserules.googleapis.com/'}v1/`,
  project,
  token: ACCESS_TOKEN,
});
/** The release that Firestore enforces for the database (default). */
const name = `projects/${project}/releases/cloud.firestore`;
const content = readFileSync(join(import.meta.dirname, FILE), 'utf8');

const release = (await ask('GET', name)) as Release | undefined;
if (release === undefined) {
  await ask('POST', `projects/${project}/releases`, { name, rulesetName: await newRuleset() });
  console.log('Firestore rules: every client is denied');
} else if (!(await denies(release))) {
  if (REPLACE_RULES === 'true') {
    await ask('PATCH', name, { release: { name, rulesetName: await newRuleset() } });
    console.log('Firestore rules: replaced, every client is denied');
  } else {
    console.error(
      'Expected Firestore rules that deny every client, got others: another application may use this database. ' +
        'Set up Every Cut in a project of its own, or replace them: REPLACE_RULES=true infra/cloud/setup.sh',
    );
    process.exitCode = 1;
  }
}

async function newRuleset(): Promise<string> {
  const source = { files: [{ name: FILE, content }] };
  return ((await ask('POST', `projects/${project}/rulesets`, { source })) as Ruleset).name;
}

/** Whether the released rules are ours, apart from comments and spaces. */
async function denies({ rulesetName }: Release): Promise<boolean> {
  const ruleset = (await ask('GET', rulesetName)) as Ruleset | undefined;
  const files = ruleset?.source.files ?? [];
  return files.length === 1 && bare(files[0]?.content ?? '') === bare(content);
}

function bare(rules: string): string {
  return rules.replace(/\/\/.*/g, '').replace(/\s+/g, '');
}
