import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { ConfigError, loadConfig } from '../../functions/config/config.ts';
import { SETTINGS } from '../../functions/config/settings.ts';
import { CLOUD_RUN } from '../bench/costs/prices.ts';

function problems(env: Record<string, string>): string {
  try {
    loadConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return '';
}

const CLOUD = {
  K_SERVICE: 'p',
  OUTPUT: 'gcs',
  OUTPUT_BUCKET: 'videos',
  CACHE_BUCKET: 'cache',
  SIGNING_KEY: 's'.repeat(32),
};

describe('settings', () => {
  test('have defaults that need no configuration', () => {
    const config = loadConfig({});
    assert.equal(config.port, 8080);
    assert.equal(config.host, '127.0.0.1');
    assert.equal(config.maxCombinations, 1000);
    assert.equal(config.allowPrivateUrls, true);
    assert.equal(config.apiKey, undefined);
  });

  test('take encoders in hardware, but not on Google Cloud or its emulators', () => {
    assert.equal(loadConfig({}).videoEncoder, undefined);
    assert.equal(loadConfig({ VIDEO_ENCODER: 'x264' }).videoEncoder, undefined);
    assert.equal(loadConfig({ VIDEO_ENCODER: 'nvenc' }).videoEncoder, 'nvenc');
    assert.match(problems({ VIDEO_ENCODER: 'auto' }), /VIDEO_ENCODER: expected x264, nvenc, .*, got "auto"/);
    const refused = /VIDEO_ENCODER: expected x264 on Google Cloud and its emulators, got qsv/;
    assert.match(problems({ ...CLOUD, VIDEO_ENCODER: 'qsv' }), refused);
    assert.match(problems({ FIRESTORE_EMULATOR_HOST: '127.0.0.1:1', VIDEO_ENCODER: 'qsv' }), refused);
    assert.equal(problems({ ...CLOUD, VIDEO_ENCODER: 'x264' }), '');
  });

  test('left empty, as in a copied .env, count as not set', () => {
    const empty = Object.fromEntries(SETTINGS.map(({ name }) => [name, '']));
    assert.deepEqual(loadConfig(empty), loadConfig({}));
  });

  test('include every setting that the documents name', () => {
    const asked = new Set<string>();
    const note = (_: object, name: string) => void asked.add(name);
    loadConfig(new Proxy({}, { get: note }));
    assert.deepEqual(
      SETTINGS.map(({ name }) => name).filter((name) => !asked.has(name)),
      [],
    );
  });

  test('are all checked, and their problems are reported together', () => {
    const text = problems({ PORT: 'http', MAX_COMBINATIONS: '0', LOG_LEVEL: 'loud', OUTPUT: 'tape' });
    for (const name of ['PORT', 'MAX_COMBINATIONS', 'LOG_LEVEL', 'OUTPUT'])
      assert.match(text, new RegExp(`${name}: expected`));
    assert.match(text, /PORT: expected a port from 0 to 65535, got "http"/);
  });

  test('that hold a secret are masked', () => {
    const text = problems({ API_KEY: 'hunter2' });
    assert.match(text, /API_KEY: expected at least 16 characters, got 7 characters/);
    assert.doesNotMatch(text, /hunter2/);
  });

  test('show no user name, password or query of an address that is refused', () => {
    const names = SETTINGS.filter(({ expected }) => /URL|origins/.test(expected)).map(({ name }) => name);
    assert.ok(names.length >= 6, names.join());
    const forms = [
      'http://hunter2:hunter2@h.example:99999',
      'http://me:hun/hunter2@h.example:x',
      'http://me:hunter2?hunter2@h.example:x',
      'http://a.example,http://me:hun,hunter2@h.example:x',
      'https://a.example:x, https://h.example/?token=hunter2, https://b.example',
      'https://h.example:x/#token=hunter2',
      'https://h.example:x/?to=me@hunter2',
      'http:me:hunter2@h.example:x?',
      'me:hunter2@h.example',
    ];
    for (const name of names) {
      for (const form of forms) {
        const text = problems({ [name]: form });
        assert.match(text, new RegExp(`${name}: expected .+, got "`), `${name}=${form}`);
        assert.doesNotMatch(text, /hun/, `${name}=${form}`);
      }
    }
    const seen = problems({ CORS_ORIGINS: 'https://me:hunter2@h.example:80/a?b=c' });
    assert.match(seen, /got "https:\/\/\*\*\*@h\.example:80\/a\?\*\*\*"/);
    assert.match(problems({ GOOGLE_API_URL: 'http://h.example/a' }), /got "http:\/\/h\.example\/a"/);
    // Part of it is often a key.
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://h.example/hunter2?a' };
    assert.match(problems(endpoint), /got "https:\/\/h\.example\/\.\.\."/);
    assert.match(problems({ OTEL_EXPORTER_OTLP_ENDPOINT: 'h.example:4318' }), /got "h\.example:4318"/);
  });

  test('show no secret that was written in the place of another setting', () => {
    const API_KEY = 'hunter2-hunter2-"hunter2"';
    const text = problems({ API_KEY, PORT: `port ${API_KEY}`, HOST: 'hunter2-hunter2-hunter2' });
    assert.match(text, /PORT: expected a port from 0 to 65535, got "port \*\*\*"/);
    const host = problems({ HOST: 'hunter2-secret', DRIVE_CLIENT_SECRET: 'hunter2-secret' });
    assert.match(host, /because HOST is \*\*\*, got nothing/);
  });

  test('name a public address without a user name, a password, a query and #, as all links begin with it', () => {
    for (const url of [
      'http://me:hunter2@127.0.0.1',
      'http://hunter2@127.0.0.1',
      'http://:hunter2@127.0.0.1',
      'http://@127.0.0.1',
      'http://127.0.0.1/?token=hunter2',
      'http://127.0.0.1?',
      'http://127.0.0.1/#hunter2',
      'http://127.0.0.1#',
      'http:127.0.0.1',
      'http:\\\\me:hunter2@127.0.0.1',
      'ftp://127.0.0.1',
    ]) {
      const text = problems({ PUBLIC_URL: url });
      assert.match(text, /PUBLIC_URL: expected an http\(s\) URL without a user name, .+, got "/, url);
      assert.doesNotMatch(text, /hunter2/, url);
    }
    for (const url of ['http://127.0.0.1/cut/', 'HTTP://localhost:8080', 'http://[::1]:8080/@me'])
      assert.equal(loadConfig({ PUBLIC_URL: url }).publicUrl, url);
  });

  test('that this build does not support are refused, not ignored', () => {
    assert.match(problems({ INPUT_DIR: 'k' }), /INPUT_DIR: not available in this build/);
    assert.match(problems({ OUTPUT: 'tape' }), /OUTPUT: expected local, drive or gcs, got "tape"/);
  });

  test('detect an npm start, and no other npm script', () => {
    const launched = (event?: string) =>
      loadConfig(event === undefined ? {} : { npm_lifecycle_event: event }).launchedByNpm;
    assert.deepEqual([launched('start'), launched('test'), launched()], [true, false, false]);
  });

  test('require a key when other machines can call', () => {
    assert.match(problems({ HOST: '0.0.0.0' }), /API_KEY: expected a key .* HOST is 0.0.0.0/);
    assert.equal(problems({ HOST: '0.0.0.0', API_KEY: 'k'.repeat(16) }), '');
  });

  test('require a key when PUBLIC_URL says that a proxy lets others call', () => {
    for (const url of [
      'https://videos.example/cut',
      'http://10.0.0.5:8080',
      'https://localhost.evil.example',
    ]) {
      const { origin } = new URL(url);
      assert.ok(problems({ PUBLIC_URL: url }).includes(`because PUBLIC_URL is ${origin}, got nothing`), url);
      assert.equal(problems({ PUBLIC_URL: url, API_KEY: 'k'.repeat(16) }), '');
    }
    for (const url of [
      'http://localhost:9000',
      'http://127.0.0.2',
      'http://[::1]:8080/x',
      'http://2130706433',
    ])
      assert.equal(problems({ PUBLIC_URL: url }), '', url);
    assert.doesNotMatch(problems({ PUBLIC_URL: 'https://me:hunter2@videos.example' }), /hunter2/);
    assert.equal(
      problems({ ...CLOUD, PUBLIC_URL: 'https://videos.example' }),
      '',
      'Google checks the callers',
    );
  });

  test('require a key when TRUSTED_PROXIES says that a proxy lets others call', () => {
    assert.match(problems({ TRUSTED_PROXIES: '1' }), /API_KEY: .* because TRUSTED_PROXIES is 1, got nothing/);
    assert.equal(problems({ TRUSTED_PROXIES: '1', API_KEY: 'k'.repeat(16) }), '');
    assert.equal(problems({ TRUSTED_PROXIES: '0' }), '');
    assert.equal(problems({ ...CLOUD, TRUSTED_PROXIES: '1' }), '', 'Google checks the callers');
    assert.doesNotMatch(problems({ TRUSTED_PROXIES: 'some' }), /API_KEY/);
  });

  test('require a key when the function is public, whatever the host', () => {
    for (const yes of ['true', '1']) {
      for (const more of [{}, { K_SERVICE: 'p', FIRESTORE_EMULATOR_HOST: '127.0.0.1:1' }])
        assert.match(problems({ PUBLIC_API: yes, ...more }), /API_KEY: expected a key .* PUBLIC_API is true/);
      assert.match(problems({ PUBLIC_API: yes, API_KEY: 'short' }), /API_KEY: expected at least 16/);
      assert.equal(problems({ PUBLIC_API: yes, API_KEY: 'k'.repeat(16) }), '');
    }
    for (const no of ['false', '0', '']) assert.equal(problems({ PUBLIC_API: no }), '');
    assert.match(problems({ PUBLIC_API: 'yes' }), /PUBLIC_API: expected true, false, 1 or 0, got "yes"/);
    assert.equal(problems({ PUBLIC_API: '1', HOST: '::' }).match(/API_KEY:/g)?.length, 1);
  });

  test('limit requests by default when other machines can call', () => {
    const key = 'k'.repeat(16);
    const limit = (env: Record<string, string>) => loadConfig(env).requestsPerMinute;
    for (const auto of [{}, { REQUESTS_PER_MINUTE: 'auto' }] as Record<string, string>[]) {
      assert.equal(limit(auto), Number.POSITIVE_INFINITY);
      assert.equal(limit({ ...auto, HOST: '0.0.0.0', API_KEY: key }), 600);
      assert.equal(limit({ ...auto, PUBLIC_API: 'true', API_KEY: key }), 600);
      assert.equal(limit({ ...auto, PUBLIC_URL: 'https://videos.example', API_KEY: key }), 600);
      assert.equal(limit({ ...auto, PUBLIC_URL: 'http://localhost:9000' }), Number.POSITIVE_INFINITY);
      assert.equal(limit({ ...auto, K_SERVICE: 'p', FIRESTORE_EMULATOR_HOST: '127.0.0.1:1' }), 600);
    }
    assert.equal(limit({ REQUESTS_PER_MINUTE: '7' }), 7);
    for (const wrong of ['0', '-1', 'many', '1000001'])
      assert.match(problems({ REQUESTS_PER_MINUTE: wrong }), /REQUESTS_PER_MINUTE: expected auto, or/);
  });

  test('let pages of no other site call, or of exactly those that are listed', () => {
    assert.deepEqual(loadConfig({}).corsOrigins, []);
    const listed =
      'https://studio.example, https://studio.example:8443,http://localhost:5173,http://[::1]:3000';
    assert.deepEqual(loadConfig({ CORS_ORIGINS: listed }).corsOrigins, listed.split(/, ?/));
    for (const wrong of [
      '*',
      'null',
      'studio.example',
      'https://studio.example/',
      'https://studio.example:443',
      'https://STUDIO.example',
      'https://user@studio.example',
      'https://*.example',
      'http://studio.example',
      'http://127.0.0.1.example',
      'ftp://studio.example',
      'file://',
      'https://studio.example,,https://other.example',
      'https://studio.example https://other.example',
    ]) {
      assert.match(problems({ CORS_ORIGINS: wrong }), /CORS_ORIGINS: expected origins such as https:/, wrong);
    }
  });

  test('believe no entry of X-Forwarded-For unless told how many', () => {
    assert.equal(loadConfig({}).trustedProxies, 0);
    assert.equal(loadConfig({ TRUSTED_PROXIES: '2', API_KEY: 'k'.repeat(16) }).trustedProxies, 2);
    for (const wrong of ['-1', '11', 'all', '1.5'])
      assert.match(
        problems({ TRUSTED_PROXIES: wrong }),
        /TRUSTED_PROXIES: expected a whole number from 0 to 10/,
      );
  });

  test('for pushes must come together, and are normalised for comparison', () => {
    const PUSH_ACCOUNT = 'every-cut-push@my-project.iam.gserviceaccount.com';
    const PUSH_AUDIENCE = 'https://every-cut-render-123.europe-west1.run.app';
    assert.deepEqual(loadConfig({ PUSH_ACCOUNT, PUSH_AUDIENCE }).push, {
      kind: 'token',
      account: PUSH_ACCOUNT,
      audience: PUSH_AUDIENCE,
      iam: 'unknown',
    });
    assert.match(
      problems({ PUSH_ACCOUNT }),
      /PUSH_AUDIENCE: expected an https URL because PUSH_ACCOUNT is set/,
    );
    assert.match(problems({ PUSH_AUDIENCE }), /PUSH_ACCOUNT: expected .* because PUSH_AUDIENCE is set/);
    for (const account of ['every-cut-push', 'a@b', 'a b@c.example', 'serviceAccount:@c.example@d.example']) {
      const text = problems({ PUSH_ACCOUNT: account, PUSH_AUDIENCE });
      assert.match(text, /PUSH_ACCOUNT: expected the email address of a service account, got/, account);
    }
    for (const audience of ['render', 'http://h.example', 'https://h.example?a', 'https://h.example, x']) {
      const text = problems({ PUSH_ACCOUNT, PUSH_AUDIENCE: audience });
      assert.match(text, /PUSH_AUDIENCE: expected an https URL, got/, audience);
    }
  });

  test('let no one push by default, except the Pub/Sub emulator, and not even that on Cloud Run', () => {
    const emulator = { PUBSUB_EMULATOR_HOST: '127.0.0.1:1', FIRESTORE_EMULATOR_HOST: '127.0.0.1:2' };
    const push = (env: Record<string, string>) => loadConfig(env).push.kind;
    assert.equal(push({}), 'not set');
    assert.equal(push({ FIRESTORE_EMULATOR_HOST: '127.0.0.1:2' }), 'not set');
    assert.equal(push(emulator), 'emulator');
    assert.equal(push({ ...emulator, PUBSUB_EMULATOR_HOST: '' }), 'not set');
    assert.equal(push({ ...emulator, K_SERVICE: 'render' }), 'not set');
    const set = { PUSH_ACCOUNT: 'push@p.example', PUSH_AUDIENCE: 'https://h.example' };
    assert.equal(push({ ...emulator, ...set }), 'token');
    assert.equal(push({ ...emulator, ...set, K_SERVICE: 'render' }), 'token');
  });

  test('require only the secrets that each cloud function uses', () => {
    const cloud = {
      CACHE_BUCKET: 'cache',
      OUTPUT: 'drive',
      DRIVE_FOLDER_ID: '1a2b3c4d5e6f7g8h9i0',
    };
    const oauth = { ...cloud, DRIVE_AUTH: 'oauth', DRIVE_CLIENT_ID: 'c' };
    const needs = (env: Record<string, string>) =>
      [...problems(env).matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name);
    const ofUser = ['DRIVE_CLIENT_SECRET', 'DRIVE_REFRESH_TOKEN'];
    const SIGNING_KEY = 's'.repeat(32);
    for (const FUNCTION_TARGET of ['processMedia', 'render', 'complete', 'deadLetter', 'sweep']) {
      const one = { ...oauth, K_SERVICE: 'f', FUNCTION_TARGET, SPEECH: 'elevenlabs' };
      assert.deepEqual(needs(one), ['SIGNING_KEY', ...ofUser]);
      assert.deepEqual(needs({ ...one, SIGNING_KEY }), ofUser);
    }
    // The function that callers reach has no key that can spend money, and lists voices only with one of its own.
    const api = { ...cloud, DRIVE_AUTH: 'adc', K_SERVICE: 'f', FUNCTION_TARGET: 'processMedia', SIGNING_KEY };
    const voicesKey = (env: Record<string, string>) => loadConfig(env).vendors.elevenLabs?.voicesKey;
    assert.equal(voicesKey({ ...api, SPEECH: 'elevenlabs' }), '');
    assert.equal(
      voicesKey({ ...api, SPEECH: 'elevenlabs', ELEVENLABS_VOICES_KEY: 'sk_voices' }),
      'sk_voices',
    );
    // It saves no videos and reads none.
    const webhook = { ...oauth, K_SERVICE: 'f', FUNCTION_TARGET: 'webhook', SPEECH: 'elevenlabs' };
    assert.deepEqual(needs(webhook), ['SIGNING_KEY', 'WEBHOOK_SECRET']);
    const prepare = { ...oauth, K_SERVICE: 'f', FUNCTION_TARGET: 'prepare' };
    assert.deepEqual(needs({ ...prepare, SPEECH: 'elevenlabs' }), ['ELEVENLABS_API_KEY']);
    assert.deepEqual(needs({ ...prepare, DRIVE_SOURCES: 'account' }), ofUser);
    // It opens files of strangers, so it must not be able to seal a task.
    assert.deepEqual(needs({ ...prepare, SIGNING_KEY }), ['SIGNING_KEY']);
    // The function's own account may also open a link that is shared with anyone.
    assert.deepEqual(loadConfig(prepare).vendors.drive, { mode: 'adc' });
    assert.deepEqual(needs({ ...oauth, SPEECH: 'elevenlabs', FUNCTION_TARGET: 'render' }), [
      ...ofUser,
      'ELEVENLABS_API_KEY',
    ]);
  });

  test('give the secret of events to the one function that sends them', () => {
    const WEBHOOK_SECRET = `whsec_${'s'.repeat(43)}=`;
    const SIGNING_KEY = 's'.repeat(32);
    const cloud = {
      K_SERVICE: 'f',
      CACHE_BUCKET: 'cache',
      OUTPUT: 'gcs',
      OUTPUT_BUCKET: 'videos',
      SIGNING_KEY,
    };
    const own = { ...cloud, FUNCTION_TARGET: 'webhook' };
    assert.match(
      problems(own),
      /WEBHOOK_SECRET: expected the key that signs events, got nothing\. Run .*setup\.sh/,
    );
    assert.equal(loadConfig({ ...own, WEBHOOK_SECRET }).webhookSecret, WEBHOOK_SECRET);
    for (const FUNCTION_TARGET of ['processMedia', 'render', 'complete', 'deadLetter', 'sweep']) {
      const other = { ...cloud, FUNCTION_TARGET };
      assert.equal(loadConfig(other).webhookSecret, undefined);
      assert.match(
        problems({ ...other, WEBHOOK_SECRET }),
        /WEBHOOK_SECRET: expected no secret in the function/,
      );
    }
    assert.match(
      problems({ WEBHOOK_SECRET: 'hunter2' }),
      /whsec_ and 24-64 bytes in base64, got 7 characters/,
    );
  });

  test('allow private addresses by default only while no other machine can call', () => {
    const key = 'k'.repeat(16);
    const PUBLIC_URL = 'https://videos.example';
    assert.equal(loadConfig({ PUBLIC_URL, API_KEY: key }).allowPrivateUrls, false);
    assert.equal(loadConfig({ PUBLIC_URL, API_KEY: key, ALLOW_PRIVATE_URLS: 'true' }).allowPrivateUrls, true);
    assert.equal(loadConfig({ PUBLIC_API: 'true', API_KEY: key }).allowPrivateUrls, false);
    assert.equal(loadConfig({ PUBLIC_URL: 'http://localhost:9000' }).allowPrivateUrls, true);
    assert.equal(loadConfig({ HOST: '0.0.0.0', API_KEY: key }).allowPrivateUrls, false);
    assert.equal(
      loadConfig({ K_SERVICE: 'render', FIRESTORE_EMULATOR_HOST: '127.0.0.1:1' }).allowPrivateUrls,
      false,
    );
    assert.equal(
      loadConfig({ HOST: '0.0.0.0', API_KEY: key, ALLOW_PRIVATE_URLS: '1' }).allowPrivateUrls,
      true,
    );
    assert.equal(loadConfig({ ALLOW_PRIVATE_URLS: 'false' }).allowPrivateUrls, false);
  });
});

const OAUTH = {
  DRIVE_AUTH: 'oauth',
  DRIVE_CLIENT_ID: '1-a.apps.googleusercontent.com',
  DRIVE_CLIENT_SECRET: 'client-secret',
  DRIVE_REFRESH_TOKEN: '1//refresh-token',
};

describe('settings of vendors', () => {
  test('default to the disk and the built-in voice', () => {
    const { output, elevenLabs, drive, cacheBucket, sourceBuckets, driveSources } = loadConfig({}).vendors;
    assert.deepEqual(
      { output, elevenLabs, drive, cacheBucket, sourceBuckets, driveSources },
      {
        output: { kind: 'local' },
        elevenLabs: undefined,
        drive: undefined,
        cacheBucket: undefined,
        sourceBuckets: [],
        driveSources: 'link',
      },
    );
  });

  test('accept a Drive folder by its id or by its URL in the browser', () => {
    const folder = (id: string) =>
      loadConfig({ OUTPUT: 'drive', DRIVE_FOLDER_ID: id, ...OAUTH }).vendors.output;
    const id = '1AbC_dEf-GhIjKlMn';
    assert.deepEqual(folder(id), { kind: 'drive', folderId: id });
    for (const address of [
      `https://drive.google.com/drive/folders/${id}`,
      `https://drive.google.com/drive/u/0/folders/${id}?usp=sharing`,
    ]) {
      assert.deepEqual(folder(address), { kind: 'drive', folderId: id });
    }
    assert.deepEqual(folder('root'), { kind: 'drive', folderId: 'root' });
    assert.match(
      problems({ OUTPUT: 'drive', DRIVE_FOLDER_ID: 'a b', ...OAUTH }),
      /DRIVE_FOLDER_ID: expected a folder's id, or its URL in the browser, got "a b"/,
    );
  });

  test('name everything that is missing for an output on Drive', () => {
    const text = problems({ OUTPUT: 'drive' });
    assert.match(text, /DRIVE_AUTH: expected adc, oauth or delegation because OUTPUT is drive/);
    assert.match(text, /DRIVE_FOLDER_ID: expected the folder/);
    const oauth = problems({ OUTPUT: 'drive', DRIVE_AUTH: 'oauth', DRIVE_FOLDER_ID: 'root' });
    for (const name of ['DRIVE_CLIENT_ID', 'DRIVE_CLIENT_SECRET', 'DRIVE_REFRESH_TOKEN']) {
      assert.match(oauth, new RegExp(`${name}: expected .* because DRIVE_AUTH is oauth, got nothing`));
    }
    assert.match(
      problems({ DRIVE_AUTH: 'delegation' }),
      /DRIVE_SUBJECT: expected the email address of a user/,
    );
  });

  test('that would have no effect are reported', () => {
    assert.match(
      problems({ DRIVE_FOLDER_ID: 'root', ...OAUTH }),
      /OUTPUT: expected drive because DRIVE_FOLDER_ID/,
    );
    assert.match(problems({ OUTPUT_BUCKET: 'videos' }), /OUTPUT: expected gcs because OUTPUT_BUCKET is set/);
    assert.equal(problems({ OUTPUT: 'local', OUTPUT_BUCKET: 'videos' }), '');
    const { DRIVE_AUTH: _, ...credentials } = OAUTH;
    assert.match(problems(credentials), /DRIVE_AUTH: expected oauth because other settings of oauth are set/);
    assert.match(problems({ DRIVE_SUBJECT: 'a@b.example' }), /DRIVE_AUTH: expected delegation/);
    const twice = problems({
      OUTPUT: 'drive',
      DRIVE_FOLDER_ID: 'root',
      DRIVE_SOURCES: 'account',
      ...credentials,
    });
    assert.equal(twice.match(/DRIVE_AUTH:/g)?.length, 1, 'each mistake is reported once');
    assert.equal(problems({ DRIVE_FOLDER_ID: 'root', OUTPUT_BUCKET: 'b-1' }).match(/OUTPUT:/g)?.length, 1);
  });

  test('for Drive support three ways to sign in', () => {
    const { drive } = loadConfig(OAUTH).vendors;
    assert.deepEqual(drive, {
      mode: 'oauth',
      clientId: OAUTH.DRIVE_CLIENT_ID,
      clientSecret: OAUTH.DRIVE_CLIENT_SECRET,
      refreshToken: OAUTH.DRIVE_REFRESH_TOKEN,
    });
    assert.deepEqual(loadConfig({ DRIVE_AUTH: 'adc' }).vendors.drive, { mode: 'adc' });
    const subject = 'ads@example.com';
    assert.deepEqual(loadConfig({ DRIVE_AUTH: 'delegation', DRIVE_SUBJECT: subject }).vendors.drive, {
      mode: 'delegation',
      subject,
      keyFile: undefined,
    });
  });

  test('require a bucket for an output in Cloud Storage', () => {
    assert.match(problems({ OUTPUT: 'gcs' }), /OUTPUT_BUCKET: expected a bucket because OUTPUT is gcs/);
    assert.match(problems({ OUTPUT: 'gcs', OUTPUT_BUCKET: 'gs://b' }), /OUTPUT_BUCKET: expected the name/);
    assert.deepEqual(loadConfig({ OUTPUT: 'gcs', OUTPUT_BUCKET: 'videos' }).vendors.output, {
      kind: 'gcs',
      bucket: 'videos',
    });
  });

  test('on Cloud Run require storage that all functions share', () => {
    const text = problems({ K_SERVICE: 'render' });
    assert.match(text, /OUTPUT: expected drive or gcs, a place that all functions share, got local/);
    assert.match(text, /CACHE_BUCKET: expected a bucket that all functions share/);
    const cloud = { K_SERVICE: 'render', OUTPUT: 'gcs', OUTPUT_BUCKET: 'videos', CACHE_BUCKET: 'cache' };
    const config = loadConfig({ ...cloud, SIGNING_KEY: 's'.repeat(32) });
    assert.equal(config.cacheMaxMb, 192);
    assert.match(config.dataDir, /every-cut$/);
    assert.equal(problems({ K_SERVICE: 'render', FIRESTORE_EMULATOR_HOST: '127.0.0.1:1' }), '');
  });

  test('never let callers read what the service stores for others', () => {
    const text = problems({
      SOURCE_BUCKETS: 'clips, cache,videos',
      CACHE_BUCKET: 'cache',
      OUTPUT: 'gcs',
      OUTPUT_BUCKET: 'videos',
    });
    assert.match(text, /SOURCE_BUCKETS: expected buckets other than .*, got cache/);
    assert.match(text, /SOURCE_BUCKETS: expected buckets other than .*, got videos/);
    assert.deepEqual(loadConfig({ SOURCE_BUCKETS: 'clips, more' }).vendors.sourceBuckets, ['clips', 'more']);
    assert.match(problems({ DRIVE_SOURCES: 'account' }), /DRIVE_AUTH: expected .* DRIVE_SOURCES is account/);
  });

  test('choose ElevenLabs when there is a key, unless SPEECH says otherwise', () => {
    const key = { ELEVENLABS_API_KEY: 'sk_0123456789' };
    assert.deepEqual(loadConfig(key).vendors.elevenLabs, {
      apiKey: key.ELEVENLABS_API_KEY,
      voicesKey: key.ELEVENLABS_API_KEY,
      model: 'eleven_multilingual_v2',
      format: 'mp3_44100_128',
      voiceSettings: undefined,
    });
    assert.equal(loadConfig({ ...key, SPEECH: 'espeak' }).vendors.elevenLabs, undefined);
    const own = { ...key, ELEVENLABS_VOICES_KEY: 'sk_voices_only' };
    assert.equal(loadConfig(own).vendors.elevenLabs?.voicesKey, own.ELEVENLABS_VOICES_KEY);
    // It lists voices and speaks nothing.
    assert.equal(loadConfig({ ELEVENLABS_VOICES_KEY: 'sk_voices_only' }).vendors.elevenLabs, undefined);
    assert.match(problems({ SPEECH: 'elevenlabs' }), /ELEVENLABS_API_KEY: expected a key because SPEECH/);
    assert.match(problems({ ...key, ELEVENLABS_FORMAT: 'pcm_44100' }), /ELEVENLABS_FORMAT: expected an mp3/);
  });

  test('choose the neural voice when there is a folder and no key, unless SPEECH says otherwise', () => {
    const folder = { OFFLINE_VOICE: '/voices/amy' };
    const key = { ELEVENLABS_API_KEY: 'sk_0123456789' };
    const chosen = (env: Record<string, string>) => {
      const { elevenLabs, offlineVoice } = loadConfig(env).vendors;
      return elevenLabs === undefined ? (offlineVoice ?? 'espeak') : 'elevenlabs';
    };
    assert.equal(chosen(folder), '/voices/amy');
    assert.equal(chosen({ OFFLINE_VOICE: '~/amy' }), join(homedir(), 'amy'));
    assert.equal(chosen({ OFFLINE_VOICE: 'amy' }), resolve('amy'));
    assert.equal(chosen({ ...folder, ...key }), 'elevenlabs');
    assert.equal(chosen({ ...folder, ...key, SPEECH: 'neural' }), '/voices/amy');
    assert.equal(chosen({ ...folder, SPEECH: 'espeak' }), 'espeak');
    assert.match(
      problems({ SPEECH: 'neural' }),
      /OFFLINE_VOICE: expected the folder of a voice because SPEECH/,
    );
    assert.match(problems({ ...CLOUD, ...folder }), /OFFLINE_VOICE: expected nothing on Google Cloud/);
  });

  test('have prices: list prices of the vendors that are used, unless others are set', () => {
    const key = { ELEVENLABS_API_KEY: 'sk_0123456789' };
    const speech = (env: Record<string, string>) => loadConfig(env).vendors.prices.speechPer1000;
    assert.deepEqual([speech({}), speech(key)], [0, 0.1]);
    for (const model of ['eleven_flash_v2_5', 'eleven_turbo_v2'])
      assert.equal(speech({ ...key, ELEVENLABS_MODEL: model }), 0.05);
    assert.equal(speech({ ...key, SPEECH_USD_PER_1000_CHARACTERS: '0.22' }), 0.22);
    assert.equal(speech({ ...key, SPEECH_USD_PER_1000_CHARACTERS: 'auto' }), 0.1);
    const hour = (env: Record<string, string>) => loadConfig(env).vendors.prices.perHour;
    assert.deepEqual(hour({}), { prepare: 0, render: 0 });
    assert.deepEqual(hour({ COMPUTE_USD_PER_HOUR: '0.5' }), { prepare: 0.5, render: 0.5 });
    for (const bad of ['-1', '1e3', '0,1', '$1', '1.2345678'])
      assert.match(
        problems({ COMPUTE_USD_PER_HOUR: bad }),
        /COMPUTE_USD_PER_HOUR: expected auto, or US dollars/,
      );
  });

  test('have the list prices of the instances that are deployed', () => {
    const deployed = readFileSync(join(import.meta.dirname, '../../infra/cloud/shared.sh'), 'utf8');
    const priceOf = (name: string) => {
      const [, gib, processors] = new RegExp(`^${name} .* (\\d+)Gi +(\\d+) `, 'm').exec(deployed) ?? [];
      const { perProcessorSecond, perGibSecond } = CLOUD_RUN;
      return 3_600 * (Number(processors) * perProcessorSecond + Number(gib) * perGibSecond);
    };
    const env = { ...CLOUD, FUNCTION_TARGET: 'complete', SPEECH: 'elevenlabs' };
    const { prices } = loadConfig(env).vendors;
    const perHour = { prepare: priceOf('prepare'), render: priceOf('render') };
    assert.deepEqual(prices, { speechPer1000: 0.1, perHour });
    assert.ok(perHour.render > 0.1);
  });

  test('for a voice are JSON with the field names of ElevenLabs', () => {
    const settings = (text: string) =>
      loadConfig({ ELEVENLABS_API_KEY: 'sk_0123456789', ELEVENLABS_VOICE_SETTINGS: text }).vendors.elevenLabs
        ?.voiceSettings;
    assert.deepEqual(settings('{"stability":0.5,"similarity_boost":1,"use_speaker_boost":false}'), {
      stability: 0.5,
      similarityBoost: 1,
      useSpeakerBoost: false,
    });
    for (const bad of ['{', '[]', '5', '{"stability":2}', '{"speed":3}', '{"similarityBoost":1}']) {
      assert.match(problems({ ELEVENLABS_VOICE_SETTINGS: bad }), /ELEVENLABS_VOICE_SETTINGS: expected JSON/);
    }
  });

  test('allow unencrypted keys only to this machine', () => {
    const text = problems({ GOOGLE_API_URL: 'http://api.example.com', ELEVENLABS_API_URL: 'x' });
    assert.match(text, /GOOGLE_API_URL: expected an https URL without a path, or http on this machine/);
    assert.match(text, /ELEVENLABS_API_URL: expected an https URL/);
    for (const url of ['https://h.example/path', 'https://u:p@h.example', 'https://h.example?q=1']) {
      assert.match(problems({ GOOGLE_API_URL: url }), /GOOGLE_API_URL: expected/, url);
    }
    const { googleApiUrl, elevenLabsApiUrl } = loadConfig({
      GOOGLE_API_URL: 'http://127.0.0.1:9000/',
      ELEVENLABS_API_URL: 'https://api.eu.residency.elevenlabs.io',
    }).vendors;
    assert.equal(googleApiUrl, 'http://127.0.0.1:9000');
    assert.equal(elevenLabsApiUrl, 'https://api.eu.residency.elevenlabs.io');
  });

  test('that are secret are masked', () => {
    const text = problems({
      DRIVE_CLIENT_SECRET: 'hun ter2',
      DRIVE_REFRESH_TOKEN: 'hun ter2',
      ELEVENLABS_API_KEY: 'hunter2',
    });
    assert.equal(text.match(/got \d characters/g)?.length, 3);
    assert.doesNotMatch(text, /hun/);
  });
});
