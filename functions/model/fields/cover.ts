/** Fields of requests: covers. */

export const coverField = {
  description: 'A JPEG beside each video.',
  type: 'object',
  additionalProperties: false,
  expected: 'an object with at_seconds',
  hint: 'Leave at_seconds out for the picture of the first clip that shows most.',
  properties: {
    at_seconds: {
      type: 'number',
      minimum: 0,
      maximum: 86_400,
      expected: 'seconds from 0 to 86400',
      hint: 'Leave it out for the picture of the first clip that shows most.',
    },
  },
} as const;
