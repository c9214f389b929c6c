/** One address of the HTTP interface: how it is answered, and all that the description (openapi.ts) says about it. */
import type { RequestCode } from '../base/codes.ts';

export interface Call {
  request: Request;
  url: URL;
  /** Parts of the path by name, decoded no further than the URL is. */
  path: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** Where the caller reaches the service, without a trailing slash. */
  base: string;
}

type Schema = Readonly<Record<string, unknown>>;

export interface Parameter {
  description: string;
  /** Of the path, all are. */
  isRequired?: boolean;
  schema: Schema;
}

export interface Answer {
  description: string;
  /** Of a JSON body. */
  schema?: Schema;
  /** Media types of any other body. */
  media?: readonly string[];
  /** Headers that this answer has besides those of every answer. */
  headers?: Readonly<Record<string, Parameter>>;
  /** Shown by the documentation. A test validates it by the schema. */
  example?: unknown;
}

/** What the description says about an address. */
export type Described = Omit<Route<never>, 'answer'>;

export interface Route<D> {
  /** The operationId. */
  name: string;
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As in OpenAPI: /tasks/{task_id}/renders/{index}. */
  path: string;
  /** Other paths with the same answer, which the description leaves out. */
  aliases?: readonly string[];
  tag: 'Tasks' | 'Videos' | 'Uploads' | 'Voices' | 'Service';
  summary: string;
  description?: string;
  /** Answered without an API key. */
  isOpen?: boolean;
  /**
   * Counted apart from what else is asked for without the API key: probes, which whoever watches the service asks for again and
   * again, and the files of the page, of which a browser loads more than a hundred at a time.
   */
  countedAs?: 'probe' | 'file';
  /** What a request brings in place of the API key, and how it is counted; undefined: nothing. */
  permissionOf?: (
    call: Pick<Call, 'path' | 'query'>,
    deps: D,
  ) => { countedAs: 'upload' | 'access' | undefined } | undefined;
  /**
   * For browsers alone. Links that people pass on have queries of other programs (`?fbclid=…`), so any query is taken and ignored.
   * And there is no second address with slashes at its end, as links within a page are relative to its own.
   */
  isPage?: boolean;
  /** Whether this service has the address, by its settings; left out: always. */
  isOffered?: (deps: D) => boolean;
  parameters?: Readonly<Record<string, Parameter>>;
  query?: Readonly<Record<string, Parameter>>;
  /** Request headers of this route. */
  headers?: Readonly<Record<string, Parameter>>;
  /** The request body. Its media type is JSON unless another one is named. */
  body?: { schema?: Schema; media?: string; examples?: Readonly<Record<string, unknown>> };
  /** Success by HTTP status. */
  answers: Readonly<Record<number, Answer>>;
  /** Errors besides those that every address may answer with. */
  codes: readonly RequestCode[];
  answer: (call: Call, deps: D) => Promise<Response> | Response;
}

export const TASK_ID: Parameter = {
  description: 'The task_id of the answer to POST /process_media.',
  schema: { type: 'string' },
};

export const CURSOR: Parameter = {
  description: 'The next_cursor of an earlier answer; left out: the first page.',
  schema: { type: 'string' },
};

export const LIMIT: Parameter = {
  description: 'The most entries per answer; left out: 100.',
  schema: { type: 'integer', minimum: 1, maximum: 100 },
};

/** Of every answer. */
export const COMMON_HEADERS: Readonly<Record<string, Parameter>> = {
  'X-Request-Id': {
    description:
      "Names the request in the log: the caller's own X-Request-Id if it sent a valid one, or else a UUID.",
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,128}$' },
  },
  'RateLimit-Policy': {
    description: 'While a limit is set: q requests in w seconds. draft-ietf-httpapi-ratelimit-headers.',
    schema: { type: 'string' },
  },
  RateLimit: {
    description: 'While a limit is set: r requests are left, and one more comes back in t seconds.',
    schema: { type: 'string' },
  },
  'Access-Control-Allow-Origin': {
    description: 'For a page of one of CORS_ORIGINS: its origin.',
    schema: { type: 'string' },
  },
  'Access-Control-Expose-Headers': {
    description: 'For a page of one of CORS_ORIGINS: the headers that it may read.',
    schema: { type: 'string' },
  },
  Vary: { description: 'Origin, where CORS_ORIGINS is set.', schema: { type: 'string' } },
};

/** Request headers that every address takes. */
export const COMMON_REQUEST_HEADERS: Readonly<Record<string, Parameter>> = {
  'X-Request-Id': {
    description:
      'A name for the request in the answer and the log; another one is made if it has other characters.',
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,128}$' },
  },
};

export const LOCATION: Parameter = {
  description: 'The status of the task.',
  schema: { type: 'string', format: 'uri' },
};

/** Of answers about work that goes on. */
export const POLL_AFTER: Parameter = {
  description: 'Seconds after which it is worth asking again.',
  schema: { type: 'integer', minimum: 1 },
};

export const ETAG: Parameter = {
  description: 'Names what the answer says, apart from its elapsed_seconds and eta_seconds.',
  schema: { type: 'string' },
};

export const IF_NONE_MATCH: Parameter = {
  description: 'The ETag of an earlier answer: 304 without a body if nothing has changed since.',
  schema: { type: 'string' },
};

export const REPLAYED: Parameter = {
  description: 'true where an earlier answer is repeated.',
  schema: { const: 'true' },
};

export const RETRY_AFTER: Parameter = {
  description: 'Seconds to wait before the next try.',
  schema: { type: 'integer', minimum: 1 },
};

/** Headers of errors besides those of every answer. */
export const CODE_HEADERS: Readonly<Partial<Record<RequestCode, Readonly<Record<string, Parameter>>>>> = {
  unauthorized: { 'WWW-Authenticate': { description: 'Bearer.', schema: { const: 'Bearer' } } },
  method_not_allowed: { Allow: { description: 'The methods of the address.', schema: { type: 'string' } } },
  too_many_requests: { 'Retry-After': RETRY_AFTER },
  unavailable: { 'Retry-After': RETRY_AFTER },
  range_not_satisfiable: {
    'Content-Range': { description: 'bytes */ and the size of the file.', schema: { type: 'string' } },
  },
};

/** Errors of addresses that read a JSON body. */
export const BODY_CODES = [
  'not_json',
  'request_timeout',
  'body_too_large',
  'unsupported_media_type',
  'invalid_request',
] as const satisfies readonly RequestCode[];

/** Errors that any address may answer with. */
export const COMMON_CODES = [
  'unauthorized',
  'cross_site',
  'wrong_host',
  'address_too_long',
  'not_found',
  'method_not_allowed',
  'invalid_request',
  'too_many_requests',
  'internal',
  'unavailable',
] as const satisfies readonly RequestCode[];
