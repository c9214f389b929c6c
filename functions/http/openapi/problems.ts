/** Problem answers in the description: one per HTTP status, with the codes that an address may answer with. */
import { CODES, type RequestCode } from '../../base/codes.ts';
import { INVALID_REQUEST } from '../examples.ts';
import { CODE_HEADERS, COMMON_CODES, type Described, type Parameter } from '../route.ts';
import { camel } from './names.ts';

export interface ProblemAnswer {
  status: number;
  /** Names the component. Addresses with the same codes share one. */
  name: string;
  codes: readonly RequestCode[];
}

/** No address that is described answers so. */
const NOT_DESCRIBED: readonly RequestCode[] = ['method_not_allowed'];

/** The problems that an address may answer with, by HTTP status. */
export function problemsOf(route: Described): ProblemAnswer[] {
  const isPossible = (code: RequestCode) =>
    !NOT_DESCRIBED.includes(code) &&
    !(code === 'unauthorized' && route.isOpen) &&
    !(code === 'not_found' && route.parameters === undefined && !route.codes.includes(code));
  const codes = [...new Set([...COMMON_CODES, ...route.codes])].filter(isPossible);
  const byStatus = Map.groupBy(codes, (code) => CODES[code].status);
  return [...byStatus]
    .map(([status, codes]) => ({ status, codes, name: codes.map(camel).join('Or') }))
    .sort((one, other) => one.status - other.status);
}

export function problemDescription({ codes }: ProblemAnswer): string {
  return codes.map((code) => `\`${code}\`: ${CODES[code].title}.`).join(' ');
}

export function problemHeaders({ codes }: ProblemAnswer): Readonly<Record<string, Parameter>> {
  return Object.assign({}, ...codes.map((code) => CODE_HEADERS[code]));
}

export function problemContent({ codes }: ProblemAnswer): object {
  const problem = { $ref: '#/components/schemas/Problem' };
  return {
    'application/problem+json': {
      schema: { allOf: [problem, { type: 'object', properties: { code: { enum: codes } } }] },
      examples: Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }])),
    },
  };
}

function exampleOf(code: RequestCode): object {
  if (code === 'invalid_request') return INVALID_REQUEST.answer;
  const { status, title, hint } = CODES[code];
  return { type: 'about:blank', title, status, detail: `${title}.`, code, hint };
}
