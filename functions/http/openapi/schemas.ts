/** Turns the schemas that validate into those of the description: same meaning, in the words of OpenAPI 3.1. */
import { camel } from './names.ts';

export type Schema = Readonly<Record<string, unknown>>;

export interface Components {
  /** The schema as the description shows it: a reference if it has a name or is used more than once. */
  place(schema: Schema, name: string): Schema;
  /** All schemas that were referred to, by name. */
  readonly schemas: Readonly<Record<string, Schema>>;
}

/** Keywords that hold one schema, a list of schemas, or schemas by name. */
const ONE = ['items', 'additionalProperties', 'not'];
const SEVERAL = ['oneOf', 'anyOf', 'allOf'];
const NAMED = ['properties', 'patternProperties'];

/**
 * @param roots every schema that will be placed
 * @param names of schemas, whether they are used once or more often
 */
export function createComponents(
  roots: readonly Schema[],
  names: readonly (readonly [string, Schema])[],
): Components {
  const schemas: Record<string, Schema> = {};
  const nameOf = new Map(names.map(([name, schema]) => [keyOf(described(schema)), name]));
  const uses = new Map<string, number>();
  const count = (schema: Schema): void => {
    const key = keyOf(schema);
    const before = uses.get(key) ?? 0;
    uses.set(key, before + 1);
    if (before > 0) return;
    mapInner(schema, (inner) => {
      count(inner);
      return inner;
    });
  };
  for (const root of roots) count(described(root));

  /** A name that is not taken: that of the field, if need be after that of the object around it. */
  const freeName = (field: string, around: string): string => {
    const isFree = (name: string) => schemas[name] === undefined && names.every(([taken]) => taken !== name);
    const longer = around + camel(field);
    return isFree(camel(field))
      ? camel(field)
      : isFree(longer)
        ? longer
        : `${longer}${Object.keys(schemas).length}`;
  };

  const placed = (schema: Schema, field: string, around: string): Schema => {
    const key = keyOf(schema);
    const isObject = schema['properties'] !== undefined;
    const known = nameOf.get(key);
    const isNamed = known !== undefined || (isObject && (uses.get(key) ?? 0) > 1);
    const name = isNamed ? (known ?? freeName(field, around)) : around;
    if (isNamed && schemas[name] === undefined) {
      nameOf.set(key, name);
      // Before its inner schemas, so that the parts of an answer follow it.
      schemas[name] = {};
      schemas[name] = mapInner(schema, (inner, at) => placed(inner, at ?? field, name));
    }
    if (isNamed) return { $ref: `#/components/schemas/${name}` };
    return mapInner(schema, (inner, at) => placed(inner, at ?? field, around));
  };
  return { schemas, place: (schema, name) => placed(described(schema), name, camel(name)) };
}

function keyOf(schema: Schema): string {
  return JSON.stringify(schema);
}

/** The same schema with each schema directly within it replaced. `at`: the name of the field, where it has one. */
function mapInner(schema: Schema, change: (inner: Schema, at?: string) => Schema): Schema {
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      if (typeof value !== 'object' || value === null) return [keyword, value];
      if (ONE.includes(keyword)) return [keyword, change(value as Schema)];
      if (SEVERAL.includes(keyword))
        return [keyword, (value as readonly Schema[]).map((inner) => change(inner))];
      if (!NAMED.includes(keyword)) return [keyword, value];
      const fields = Object.entries(value as Record<string, Schema>);
      return [keyword, Object.fromEntries(fields.map(([name, inner]) => [name, change(inner, name)]))];
    }),
  );
}

/** Without keywords of our own and without draft-07, which most code generators do not read. */
export function described(schema: Schema): Schema {
  const { $schema: _, expected, hint, if: condition, then, else: otherwise, ...rest } = schema;
  const branches = condition === undefined ? {} : { oneOf: branchesOf(condition, then, otherwise) };
  const text = [rest['description'], capital(expected), hint].filter((part) => part !== undefined).join(' ');
  const description = text === '' ? {} : { description: text };
  return mapInner({ ...rest, ...branches, ...description }, (inner) => described(inner));
}

/**
 * `if {type: A} then B else C` is oneOf [B, C] where B has type A and C another one: then exactly one of them can match.
 * Throws Error for any other condition.
 */
function branchesOf(condition: unknown, then: unknown, otherwise: unknown): readonly Schema[] {
  const [type, one, other] = [condition, then, otherwise].map(
    (part) => (part as Schema | undefined)?.['type'],
  );
  const keywords = Object.keys(condition as Schema);
  if (keywords.join() === 'type' && typeof other === 'string' && one === type && other !== type)
    return [then as Schema, otherwise as Schema];
  throw new Error(
    `Expected an if of one type, with a then of that type and an else of another, got ${JSON.stringify(condition)}.`,
  );
}

function capital(text: unknown): string | undefined {
  return typeof text === 'string' ? `${text.charAt(0).toUpperCase()}${text.slice(1)}.` : undefined;
}
