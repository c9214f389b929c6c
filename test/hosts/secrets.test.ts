/**
 * Plants every secret that the service holds or receives, provokes failures around each, and then searches
 * everything that it writes: log, responses, manifests and error messages about settings.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { loadConfig } from '../../functions/config/config.ts';
import { SETTINGS } from '../../functions/config/settings.ts';
import { FOLDER_TYPE, OAUTH } from '../fixtures/drive/server.ts';
import { startElevenLabsServer } from '../fixtures/elevenlabs/server.ts';
import { driveSettings, startGoogleServer } from '../fixtures/google/server.ts';
import { type Json, startTestHost } from '../fixtures/hosts/host.ts';
import { serveColourClips } from '../fixtures/media/colour-clips.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const API_KEY = 'planted-key-of-the-api-0123456789';
const SIGNATURE = 'planted-signature-of-a-url';
const PASSWORD = 'planted-password-in-a-url';
const OUTPUT = { width: 160, height: 90, fps: 30 };

/** The encodings in which a secret may appear. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(secret),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('hex'),
  ];
}

describe('no secret', { timeout: 300_000 }, () => {
  test('is in a log, an error or a manifest, whatever fails around it', async (t) => {
    await using dir = await tempDir();
    await using sources = await serveColourClips(dir.path);
    await using google = await startGoogleServer();
    await using voices = await startElevenLabsServer();
    const parent = google.drive.state.add({ name: 'Ads', mimeType: FOLDER_TYPE });
    await using host = await startTestHost(join(dir.path, 'host'), {
      ...driveSettings(google, parent),
      ELEVENLABS_API_KEY: voices.apiKey,
      ELEVENLABS_API_URL: voices.url,
      API_KEY,
      LOG_LEVEL: 'debug',
    });
    const said: string[] = [];
    const ask = async (path: string, body?: unknown, key: string | null = API_KEY): Promise<Json> => {
      const response = await fetch(`${host.url}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { ...(key === null ? {} : { 'x-api-key': key }), 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      said.push(text, JSON.stringify([...response.headers]));
      return JSON.parse(text) as Json;
    };
    const run = async (request: Json): Promise<Json> => {
      const accepted = await ask('/process_media', request);
      assert.ok(accepted['task_id'], JSON.stringify(accepted));
      for (;;) {
        const status = await ask(`/tasks/${accepted['task_id']}`);
        if (status['completed_at'] !== null) return status;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const signed = (name: string) => `${sources.url(`/${name}`)}?X-Goog-Signature=${SIGNATURE}`;

    // Sources with signed URLs that fail in every stage, and one that works.
    sources.set('/forbidden.mp4', {
      body: Buffer.alloc(1),
      always: { does: 'status', status: 403, body: SIGNATURE },
    });
    sources.set('/moved.mp4', {
      body: Buffer.alloc(1),
      always: { does: 'redirect', to: signed('gone.mp4') },
    });
    sources.set('/text.mp4', { body: Buffer.from(`#EXTM3U\n${signed('red.mp4')}\n`) });
    sources.set('/broken.mp4', {
      body: Buffer.alloc(1_000),
      script: [{ does: 'drop' }],
      always: { does: 'status', status: 410 },
    });
    // A vendor that quotes the key, a token server and a Drive that refuse once, and an upload that is cut off.
    voices.script('speech', [
      {
        does: 'refuse',
        status: 401,
        body: { detail: { status: 'invalid_api_key', message: `Invalid API key: ${voices.apiKey}` } },
      },
    ]);
    google.drive.faults.add('upload.send', { does: 'cut', afterBytes: 1 });
    google.drive.faults.add('create', { does: 'refuse', status: 503 });
    const names = ['red', 'forbidden', 'moved', 'text', 'broken', 'not-there'];
    const status = await run({
      task_name: 'planted',
      video_blocks: { hooks: names.map((name) => signed(`${name}.mp4`)) },
      output: OUTPUT,
    });
    assert.deepEqual([status['succeeded'], status['failed']], [1, 5]);
    const refused = await run({
      task_name: 'planted',
      video_blocks: { hooks: [signed('red.mp4')] },
      text_to_speech: [{ text: 'Hello', voice: 'Sarah' }],
      output: OUTPUT,
    });
    assert.equal(refused['failed'], 1, 'the voice vendor refused its key');

    // Refused requests.
    const withPassword = `https://user:${PASSWORD}@example.com/a.mp4`;
    await ask('/process_media', {
      task_name: 'x',
      video_blocks: { hooks: [withPassword, `ftp://h/?${SIGNATURE}`] },
    });
    await ask('/process_media', { task_name: 'x' }, `${API_KEY}x`);
    await ask('/process_media', { task_name: 'x' }, null);
    google.drive.faults.add('token', { does: 'refuse', status: 400, reason: 'invalid_grant' }, { times: 99 });
    google.drive.tokens.revoke();
    await ask('/process_media', {
      task_name: 'another',
      video_blocks: { hooks: [signed('red.mp4')] },
      output: OUTPUT,
    });

    // A token that works, one in a part, and one where nobody takes it. That a task is given one is the only answer with it.
    const given = await fetch(`${host.url}/tasks/${status['task_id']}/access`, {
      method: 'POST',
      headers: { 'x-api-key': API_KEY },
    });
    const { token } = (await given.json()) as { token: string };
    const signature = token.slice(token.indexOf('.') + 1);
    const files = `/tasks/${status['task_id']}/manifest.json`;
    assert.equal((await ask(`${files}?access=${token}`, undefined, null))['task_id'], status['task_id']);
    assert.equal((await ask(`${files}?access=1${token}`, undefined, null))['code'], 'access_forbidden');
    for (const query of [`acces=${token}`, `access=${token}&access=${token}`]) {
      assert.equal((await ask(`${files}?${query}`))['code'], 'invalid_request');
    }
    await ask(`/tasks/${token}/renders?access=${token}`, undefined, null);

    const manifests = [...google.drive.state.files.values()]
      .filter(({ name }) => name.startsWith('manifest-'))
      .map(({ content }) => content?.toString() ?? '');
    assert.equal(manifests.length, 4, 'JSON and CSV of both tasks');
    const lines = host.logged().map((line) => JSON.stringify(line));
    const sessions = google.drive.calls.flatMap(({ query }) => query['upload_id'] ?? []);
    const secrets: readonly (readonly [what: string, secret: string])[] = [
      ['API_KEY', API_KEY],
      ['ELEVENLABS_API_KEY', voices.apiKey],
      ['DRIVE_CLIENT_SECRET', OAUTH.clientSecret],
      ['DRIVE_REFRESH_TOKEN', OAUTH.refreshToken],
      ['the signature of a URL', SIGNATURE],
      ['the password of a URL', PASSWORD],
      ['an access token', signature],
      ...google.drive.tokens.issued.map((token) => ['an access token', token] as const),
      ...[...new Set(sessions)].map((id) => ['the address of an upload', id] as const),
    ];
    assert.ok(secrets.length >= 8, 'tokens and uploads were issued');
    const places: Record<string, string[]> = {
      log: lines,
      answers: said.filter((text) => !isOwnList(text)),
      manifests,
    };
    for (const [what, secret] of secrets) {
      for (const [place, texts] of Object.entries(places)) {
        const found = texts.find((text) => formsOf(secret).some((form) => text.includes(form)));
        assert.equal(found, undefined, `${what} is in the ${place}`);
      }
    }
    // Prove that the search would find a secret.
    assert.ok(
      lines.some((line) => line.includes('forbidden.mp4?***')),
      'addresses are logged, masked',
    );
    t.diagnostic(
      `${secrets.length} secrets, looked for in ${lines.length} log lines, ${said.length} answers, ${manifests.length} manifests: found 0`,
    );
  });

  test('is in an error message about settings', () => {
    const secret = SETTINGS.filter((setting) => setting.secret).map(({ name }) => name);
    assert.ok(secret.length >= 4);
    for (const value of ['sh0rt', 'with a space and  more']) {
      const env = Object.fromEntries(secret.map((name) => [name, value]));
      assert.throws(
        () => loadConfig({ ...env, PORT: 'x', DRIVE_AUTH: 'oauth', OUTPUT: 'drive' }),
        (error: Error) => /PORT/.test(error.message) && !error.message.includes(value),
      );
    }
  });
});

/** Whether the response lists renders, which show a client its sources exactly as it sent them. */
function isOwnList(text: string): boolean {
  return text.startsWith('{"renders":');
}
