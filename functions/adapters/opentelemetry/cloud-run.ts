/** What describes a process on Cloud Run: https://opentelemetry.io/docs/specs/semconv/resource/cloud-provider/gcp/cloud-run/ */
import { request } from 'undici';

export interface CloudRunOptions {
  service: string;
  revision: string | undefined;
  project: string | undefined;
  /** `http://127.0.0.1:1234` of a test server; undefined: the platform's. */
  apiUrl: string | undefined;
}

/** https://docs.cloud.google.com/run/docs/container-contract#metadata-server */
const METADATA_SERVER = 'http://metadata.google.internal';
/** It answers within milliseconds. */
const METADATA_MS = 1_000;

/** Without the region and the instance if the platform does not tell them in time. */
export async function cloudRunAttributes(options: CloudRunOptions): Promise<Record<string, string>> {
  const { service, revision, project, apiUrl = METADATA_SERVER } = options;
  const [instance, place] = await Promise.all(['id', 'region'].map((key) => told(apiUrl, key)));
  // Such as projects/123456789012/regions/europe-west1.
  const region = place?.split('/').at(-1);
  return {
    'cloud.provider': 'gcp',
    // By this name, Google's metrics tell Cloud Run from other platforms.
    'cloud.platform': 'gcp_cloud_run',
    'faas.name': service,
    ...(revision && { 'faas.version': revision }),
    ...(instance && { 'faas.instance': instance }),
    ...(region && { 'cloud.region': region }),
    ...(region &&
      project && {
        'cloud.resource_id': `//run.googleapis.com/projects/${project}/locations/${region}/services/${service}`,
      }),
  };
}

async function told(server: string, key: string): Promise<string | undefined> {
  try {
    const { statusCode, body } = await request(`${server}/computeMetadata/v1/instance/${key}`, {
      headers: { 'metadata-flavor': 'Google' },
      signal: AbortSignal.timeout(METADATA_MS),
    });
    const text = await body.text();
    return statusCode === 200 ? text.trim() : undefined;
  } catch {
    return undefined;
  }
}
