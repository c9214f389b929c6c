/** Builds the JSON Schemas of answers. TypeScript takes the types of the answers from them (json-schema-to-ts). */

/** An object with exactly these fields. */
export function object<const P extends Record<string, unknown>>(properties: P, description?: string) {
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(properties) as (keyof P & string)[],
    properties,
    ...(description === undefined ? {} : { description }),
  } as const;
}

/** The same with fields that may be missing. */
export function objectWith<const P extends Record<string, unknown>, const O extends Record<string, unknown>>(
  properties: P,
  optional: O,
) {
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(properties) as (keyof P & string)[],
    properties: { ...properties, ...optional } as P & O,
  } as const;
}

export function list<const I>(items: I, description?: string) {
  return { type: 'array', items, ...(description === undefined ? {} : { description }) } as const;
}

/** The schema, or null. */
export function orNull<const S>(schema: S, description?: string) {
  return {
    anyOf: [schema, { type: 'null' }],
    ...(description === undefined ? {} : { description }),
  } as const;
}

export function text(description: string) {
  return { type: 'string', description } as const;
}

export function textOrNull(description: string) {
  return { type: ['string', 'null'], description } as const;
}

export function flag(description: string) {
  return { type: 'boolean', description } as const;
}

export function oneOf<const T extends readonly string[]>(values: T, description: string) {
  return { type: 'string', enum: values, description } as const;
}

export function count(description: string) {
  return { type: 'integer', minimum: 0, description } as const;
}

export function number(description: string) {
  return { type: 'number', description } as const;
}

export function numberOrNull(description: string) {
  return { type: ['number', 'null'], description } as const;
}

export function url(description: string) {
  return { type: 'string', format: 'uri', description } as const;
}

export function time(description: string) {
  return { type: 'string', format: 'date-time', description } as const;
}

export function timeOrNull(description: string) {
  return { type: ['string', 'null'], format: 'date-time', description } as const;
}

export const warnings = list({ type: 'string' }, 'Remarks for people.');

export const nextCursor = textOrNull('Send it as ?cursor= for the next page; null at the end.');
