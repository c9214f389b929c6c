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
  tag: 'Tasks' | 'Videos' | 'Uploads' | 'Service';
  summary: string;
  description?: string;
  /** Answered without an API key. */
  isOpen?: boolean;
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

/** Headers that any answer of any address may have. */
export const COMMON_HEADERS = {
  'X-Request-Id': {
    description: 'Names this request in the log of the service.',
    schema: { type: 'string' },
  },
  RateLimit: {
    description: 'How many requests are left, and for how many seconds; only where there is a limit.',
    schema: { type: 'string' },
  },
  'RateLimit-Policy': {
    description: 'How many requests are allowed in how many seconds; only where there is a limit.',
    schema: { type: 'string' },
  },
} as const satisfies Readonly<Record<string, Parameter>>;

export const LOCATION: Parameter = {
  description: 'Address of what was made.',
  schema: { type: 'string', format: 'uri' },
};

export const REPLAYED: Parameter = {
  description: 'true: this repeats the answer to an earlier request.',
  schema: { type: 'string' },
};

export const RETRY_AFTER: Parameter = {
  description: 'Seconds to wait before asking again.',
  schema: { type: 'integer', minimum: 0 },
};

/** Headers of problems, by their code. */
export const CODE_HEADERS: Partial<Record<RequestCode, Readonly<Record<string, Parameter>>>> = {
  unauthorized: { 'WWW-Authenticate': { description: 'Bearer.', schema: { type: 'string' } } },
  too_many_requests: { 'Retry-After': RETRY_AFTER },
  unavailable: { 'Retry-After': RETRY_AFTER },
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
