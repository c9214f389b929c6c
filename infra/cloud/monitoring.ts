/**
 * Applies infra/cloud/monitoring/: creates what is missing, updates what differs, and removes alert policies that are no
 * longer declared. Called by infra/cloud/setup.sh; with --remove, by infra/cloud/teardown.sh. Calls the APIs directly,
 * because gcloud has alert policies in its alpha component only, and would take a second for each file.
 *
 *   node infra/cloud/monitoring.ts PROJECT [ALERT_EMAIL] [ALERT_CHARACTERS_PER_DAY]
 *   node infra/cloud/monitoring.ts PROJECT --remove
 *
 * Whether a policy is enabled is left to the console, and so are notification channels beside that of ALERT_EMAIL.
 */
import { isDeepStrictEqual } from 'node:util';
import { googleApi } from './google-api.ts';
import { type AlertPolicy, type Condition, type LogMetric, readMonitoring } from './monitoring-files.ts';

interface Labelled {
  name: string;
  userLabels?: Record<string, string>;
}
type Channel = Labelled & { labels: { email_address?: string } };
type StoredPolicy = Labelled & { conditions?: Condition[]; notificationChannels?: string[] };

const LABEL = 'every-cut';
const DASHBOARD_ID = 'every-cut';
const CHARACTERS_PER_DAY = '100000';
const EMAIL = /^[^@\s]+@[^@\s]+\.[^@\s]+$/;

const [project = '', ...args] = process.argv.slice(2);
const { ACCESS_TOKEN = '', ...environment } = process.env;
const at = (name: string, api: string, version: string) =>
  googleApi({
    name,
    url: `${environment[`CLOUDSDK_API_ENDPOINT_OVERRIDES_${api.toUpperCase()}`] ?? `https://${api}.googleapis.com/`}${version}/`,
    project,
    token: ACCESS_TOKEN,
  });
const logging = at('Cloud Logging', 'logging', 'v2');
const monitoring = at('Cloud Monitoring', 'monitoring', 'v3');
const dashboards = at('Cloud Monitoring', 'monitoring', 'v1');

const parent = `projects/${project}`;
const dashboardPath = `${parent}/dashboards/${DASHBOARD_ID}`;
const metricPath = ({ name }: LogMetric) => `${parent}/metrics/${encodeURIComponent(name)}`;

/** What was done to how many of which kind. */
const done = new Map<string, number>();
const note = (what: string) => done.set(what, (done.get(what) ?? 0) + 1);

const isReached =
  args[0] === '--remove' ? await remove() : await apply(args[0] ?? '', args[1] || CHARACTERS_PER_DAY);
for (const [what, count] of done) console.log(`Monitoring: ${what}: ${count}`);
if (!isReached) {
  console.log(
    'Monitoring: the alerts reach nobody. Set ALERT_EMAIL in infra/cloud/cloud.env and run infra/cloud/setup.sh again, or add ' +
      'a notification channel to them in the console.',
  );
}

/** Returns whether somebody is notified of every alert. */
async function apply(email: string, charactersPerDay: string): Promise<boolean> {
  if (email !== '' && !EMAIL.test(email)) refuse('ALERT_EMAIL', 'one address', email);
  if (!/^[1-9]\d*$/.test(charactersPerDay)) {
    refuse('ALERT_CHARACTERS_PER_DAY', 'a whole number from 1', charactersPerDay);
  }
  const { metrics, policies, dashboard } = readMonitoring(Number(charactersPerDay));
  const known = new Map((await listed<LogMetric>(logging, 'metrics')).map((metric) => [metric.name, metric]));
  for (const metric of metrics) {
    if (covers(known.get(metric.name), metric)) continue;
    // Creates it as well.
    await logging('PUT', metricPath(metric), metric);
    note(`log-based metrics ${known.has(metric.name) ? 'updated' : 'added'}`);
  }
  await applyDashboard({ ...dashboard, name: dashboardPath });
  const [channel, ...others] = await ownChannels();
  const used = email === '' ? undefined : await applyChannel(email, channel);
  const unused = [...(channel !== undefined && used === undefined ? [channel] : []), ...others];
  const isTold = await applyPolicies(policies, used, [channel, ...others]);
  for (const { name } of unused) {
    await monitoring('DELETE', name);
    note('notification channels removed');
  }
  return isTold;
}

function refuse(setting: string, expected: string, got: string): never {
  console.error(
    `Expected ${setting} to be ${expected}, got ${got}. Change it in infra/cloud/cloud.env and run setup.sh again.`,
  );
  process.exit(1);
}

async function applyDashboard(wanted: object & { name: string }): Promise<void> {
  const found = (await dashboards('GET', dashboardPath)) as { etag?: string } | undefined;
  // Google may name the project by its number there.
  const { name, ...content } = wanted;
  if (found !== undefined && covers(found, content)) return;
  if (found === undefined) await dashboards('POST', `${parent}/dashboards`, { name, ...content });
  else await dashboards('PATCH', dashboardPath, { name, ...content, etag: found.etag });
  note(`dashboard ${found === undefined ? 'added' : 'updated'}`);
}

async function applyChannel(email: string, found: Channel | undefined): Promise<string> {
  const wanted = {
    type: 'email',
    displayName: 'Every Cut',
    labels: { email_address: email },
    userLabels: { [LABEL]: 'alerts' },
  };
  if (found === undefined) {
    note('notification channel added');
    return ((await monitoring('POST', `${parent}/notificationChannels`, wanted)) as Channel).name;
  }
  if (!covers(found, wanted)) {
    await monitoring('PATCH', `${found.name}?updateMask=displayName,labels,userLabels`, {
      ...wanted,
      name: found.name,
    });
    note('notification channel updated');
  }
  return found.name;
}

/** Returns whether every policy has a channel. One at a time, because Google refuses changes of policies side by side. */
async function applyPolicies(
  policies: readonly AlertPolicy[],
  channel: string | undefined,
  own: readonly (Channel | undefined)[],
): Promise<boolean> {
  const stored = await ownPolicies();
  let isReached = true;
  for (const policy of policies) {
    const [found, ...copies] = stored.get(policy.userLabels[LABEL] ?? '') ?? [];
    stored.set(policy.userLabels[LABEL] ?? '', copies);
    const theirs = (found?.notificationChannels ?? []).filter(
      (name) => !own.some((ours) => ours?.name === name) && name !== channel,
    );
    const wanted = {
      ...policy,
      // A condition without its name would be a new one, and end the incidents of the old one.
      conditions: policy.conditions.map((condition) => ({
        ...condition,
        ...nameOf(found?.conditions?.find(({ displayName }) => displayName === condition.displayName)),
      })),
      notificationChannels: [...theirs, ...(channel === undefined ? [] : [channel])],
    };
    isReached &&= wanted.notificationChannels.length > 0;
    if (found === undefined) {
      await monitoring('POST', `${parent}/alertPolicies`, wanted);
      note('alert policies added');
    } else if (!covers(found, wanted)) {
      const mask = Object.keys(wanted).join(',');
      await monitoring('PATCH', `${found.name}?updateMask=${mask}`, { ...wanted, name: found.name });
      note('alert policies updated');
    }
  }
  await removePolicies([...stored.values()].flat());
  return isReached;
}

function nameOf(condition: Condition | undefined): { name?: string } {
  return condition?.name === undefined ? {} : { name: condition.name };
}

async function remove(): Promise<boolean> {
  await removePolicies([...(await ownPolicies()).values()].flat());
  for (const { name } of await ownChannels()) {
    await monitoring('DELETE', name);
    note('notification channels removed');
  }
  if ((await dashboards('GET', dashboardPath)) !== undefined) {
    await dashboards('DELETE', dashboardPath);
    note('dashboard removed');
  }
  const known = new Set((await listed<LogMetric>(logging, 'metrics')).map(({ name }) => name));
  for (const metric of readMonitoring(Number(CHARACTERS_PER_DAY)).metrics) {
    if (!known.has(metric.name)) continue;
    await logging('DELETE', metricPath(metric));
    note('log-based metrics removed');
  }
  return true;
}

async function removePolicies(policies: readonly StoredPolicy[]): Promise<void> {
  for (const { name } of policies) {
    await monitoring('DELETE', name);
    note('alert policies removed');
  }
}

async function ownPolicies(): Promise<Map<string, StoredPolicy[]>> {
  return Map.groupBy(
    (await listed<StoredPolicy>(monitoring, 'alertPolicies')).filter(isOwn),
    ({ userLabels }) => userLabels?.[LABEL] ?? '',
  );
}

async function ownChannels(): Promise<Channel[]> {
  return (await listed<Channel>(monitoring, 'notificationChannels')).filter(isOwn);
}

function isOwn({ userLabels }: Labelled): boolean {
  return userLabels?.[LABEL] !== undefined;
}

async function listed<T>(ask: typeof monitoring, collection: string): Promise<T[]> {
  const found: T[] = [];
  let token = '';
  do {
    const query = `pageSize=100${token === '' ? '' : `&pageToken=${encodeURIComponent(token)}`}`;
    const page = ((await ask('GET', `${parent}/${collection}?${query}`)) ?? {}) as Record<string, unknown>;
    found.push(...((page[collection] ?? []) as T[]));
    token = String(page['nextPageToken'] ?? '');
  } while (token !== '');
  return found;
}

/** Whether what Google has is what is wanted. It adds fields of its own, and leaves out those that are zero or empty. */
function covers(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    const has = found ?? [];
    if (!Array.isArray(has) || has.length !== wanted.length) return false;
    return wanted.every((item, index) => covers(counterpart(has, item, index), item));
  }
  if (typeof wanted === 'object' && wanted !== null) {
    const has = (found ?? {}) as Record<string, unknown>;
    return Object.entries(wanted).every(([key, value]) => covers(has[key], value));
  }
  return isDeepStrictEqual(found ?? zeroOf(wanted), wanted);
}

/** Labels come in any order. */
function counterpart(found: readonly unknown[], { key }: { key?: string }, index: number): unknown {
  return key === undefined ? found[index] : found.find((item) => (item as { key?: string }).key === key);
}

function zeroOf(value: unknown): unknown {
  return typeof value === 'number' ? 0 : typeof value === 'boolean' ? false : '';
}
