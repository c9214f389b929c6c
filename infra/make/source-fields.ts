/** The places of a request where URLs stand: clips, tracks and pictures. */

export type SourceKind = 'clip' | 'track' | 'image';

/** What takes the place of a URL. `name` is what file names show; an image has none. */
export interface Replacement {
  url: string;
  name?: string | undefined;
}

/** @param name that the request gives it */
type Replace = (url: string, kind: SourceKind, pointer: string, name?: string) => Replacement;
type Json = Record<string, unknown>;

/**
 * The request with each URL replaced. What is not in the shape of a request stays as it is, because the service says best what
 * is wrong with it.
 */
export function mapSources(request: Json, replace: Replace): Json {
  return {
    ...request,
    ...mapped(request, 'video_blocks', (blocks) => mapBlocks(blocks, 'clip', '/video_blocks', replace)),
    ...mapped(request, 'audio_blocks', (blocks) => mapBlocks(blocks, 'track', '/audio_blocks', replace)),
    ...mapped(request, 'overlays', (overlays) => mapOverlays(overlays, replace)),
  };
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapped(request: Json, field: string, map: (value: unknown) => unknown): Json {
  return Object.hasOwn(request, field) ? { [field]: map(request[field]) } : {};
}

function mapBlocks(blocks: unknown, kind: SourceKind, pointer: string, replace: Replace): unknown {
  if (Array.isArray(blocks)) {
    return blocks.map((block: unknown, at) =>
      isObject(block)
        ? { ...block, urls: mapUrls(block['urls'], kind, `${pointer}/${at}/urls`, replace) }
        : block,
    );
  }
  if (!isObject(blocks)) return blocks;
  return Object.fromEntries(
    Object.entries(blocks).map(([name, urls]) => {
      const escaped = name.replaceAll('~', '~0').replaceAll('/', '~1');
      return [name, mapUrls(urls, kind, `${pointer}/${escaped}`, replace)];
    }),
  );
}

function mapUrls(urls: unknown, kind: SourceKind, pointer: string, replace: Replace): unknown {
  if (!Array.isArray(urls)) return urls;
  return urls.map((clip: unknown, at) => {
    if (typeof clip === 'string') {
      const { url, name } = replace(clip, kind, `${pointer}/${at}`);
      return name === undefined ? url : { url, name };
    }
    if (!isObject(clip) || typeof clip['url'] !== 'string') return clip;
    const given = typeof clip['name'] === 'string' ? clip['name'] : undefined;
    const { url, name } = replace(clip['url'], kind, `${pointer}/${at}/url`, given);
    return { ...(name === undefined ? {} : { name }), ...clip, url };
  });
}

function mapOverlays(overlays: unknown, replace: Replace): unknown {
  if (!Array.isArray(overlays)) return overlays;
  return overlays.map((overlay: unknown, at) =>
    isObject(overlay) && typeof overlay['image'] === 'string'
      ? { ...overlay, image: replace(overlay['image'], 'image', `/overlays/${at}/image`).url }
      : overlay,
  );
}
