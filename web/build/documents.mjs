/**
 * Writes `generated/documents.ts`: each operation of `src/operations` as the text that is sent, with the types
 * of its variables and of its answer. A document that does not fit `schema.graphql` ends the build here, and whoever uses its
 * answer wrongly is told by `tsc`. The page itself needs no parser.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  buildSchema,
  concatAST,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isScalarType,
  Kind,
  parse,
  print,
  Source,
  stripIgnoredCharacters,
  typeFromAST,
  validate,
} from 'graphql';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const FOLDER = path('../src/operations');
const TARGET = path('../generated/documents.ts');

/** How the schema's scalars come in JSON: exact decimals and times as texts. */
const SCALARS = {
  Boolean: 'boolean',
  Date: 'string',
  DateTime: 'string',
  Decimal: 'string',
  Float: 'number',
  ID: 'string',
  Int: 'number',
  Long: 'number',
  String: 'string',
  TimeZone: 'string',
  UnixTime: 'number',
};

const schema = buildSchema(readFileSync(path('../../schema.graphql'), 'utf8'));
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.graphql')).sort();
const sources = files.map((name) => parse(new Source(readFileSync(join(FOLDER, name), 'utf8'), name)));
const all = concatAST(sources);
const faults = validate(schema, all);
if (faults.length > 0) {
  for (const { message, locations, source } of faults) {
    console.error(`src/operations/${source?.name}:${locations?.[0]?.line}: ${message}`);
  }
  process.exit(1);
}

const fragments = new Map(all.definitions.filter((one) => one.kind === Kind.FRAGMENT_DEFINITION).map((one) => [one.name.value, one]));
const operations = all.definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
/** The enums and inputs that are used, by name. */
const named = new Map();

function nullable(type, write) {
  if (isNonNullType(type)) return written(type.ofType, write);
  return `${written(type, write)} | null`;
}

function written(type, write) {
  if (isListType(type)) {
    const item = nullable(type.ofType, write);
    return /^\w+$/.test(item) ? `${item}[]` : `(${item})[]`;
  }
  if (isScalarType(type)) {
    if (!SCALARS[type.name]) throw new Error(`How ${type.name} comes in JSON is not said in build/documents.mjs`);
    return SCALARS[type.name];
  }
  return write(type);
}

/** An enum or an input by its name, which is written once. */
function input(type) {
  if (named.has(type.name)) return type.name;
  named.set(type.name, '');
  if (isEnumType(type)) {
    named.set(type.name, `export type ${type.name} = ${type.getValues().map(({ name }) => `'${name}'`).join(' | ')};`);
  } else if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).map(
      ({ name, type }) => `  ${name}${isNonNullType(type) ? '' : '?'}: ${nullable(type, input)};`,
    );
    named.set(type.name, `export interface ${type.name} {\n${fields.join('\n')}\n}`);
  }
  return type.name;
}

function selected(set, type, indent) {
  const fields = [];
  const spreads = [];
  for (const selection of set.selections) {
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      spreads.push(selection.name.value);
    } else if (selection.kind === Kind.INLINE_FRAGMENT || isAbstractType(type)) {
      throw new Error('An answer whose type depends on the object is not written here');
    } else {
      const field = type.getFields()[selection.name.value];
      const answer = nullable(field.type, (inner) =>
        selection.selectionSet ? selected(selection.selectionSet, inner, `${indent}  `) : input(inner),
      );
      // A field under @include or @skip may be absent.
      const mark = selection.directives.length > 0 ? '?' : '';
      fields.push(`${indent}  ${selection.alias?.value ?? selection.name.value}${mark}: ${answer};`);
    }
  }
  const own = fields.length > 0 ? [`{\n${fields.join('\n')}\n${indent}}`] : [];
  return [...spreads, ...own].join(' & ');
}

/** An operation and every fragment it needs, without a needless character. */
function text(operation) {
  const needed = new Set();
  const collect = (node) => {
    for (const [, name] of print(node).matchAll(/\.\.\.\s*(\w+)/g)) {
      if (name === 'on' || needed.has(name)) continue;
      needed.add(name);
      collect(fragments.get(name));
    }
  };
  collect(operation);
  return stripIgnoredCharacters([operation, ...[...needed].map((name) => fragments.get(name))].map(print).join('\n'));
}

const parts = [];
for (const fragment of fragments.values()) {
  const type = schema.getType(fragment.typeCondition.name.value);
  parts.push(`export type ${fragment.name.value} = ${selected(fragment.selectionSet, type, '')};`);
}
for (const operation of operations) {
  const name = operation.name.value;
  const answer = selected(operation.selectionSet, schema.getRootType(operation.operation), '');
  const variables = (operation.variableDefinitions ?? []).map(({ variable, type, defaultValue }) => {
    const known = typeFromAST(schema, type);
    const may = isNonNullType(known) && !defaultValue ? '' : '?';
    return `  ${variable.name.value}${may}: ${nullable(known, input)};`;
  });
  parts.push(`export type ${name}Answer = ${answer};`);
  parts.push(`export type ${name}Variables = ${variables.length > 0 ? `{\n${variables.join('\n')}\n}` : 'Record<string, never>'};`);
  parts.push(`export const ${name} = ${JSON.stringify(text(operation))} as Document<${name}Answer, ${name}Variables>;`);
}

const head = `// Written by build/documents.mjs from the operations beside it and schema.graphql.

/** The text of an operation, which knows what goes in and what comes out. */
export type Document<Answer, Variables> = string & { readonly of?: (variables: Variables) => Answer };
`;
mkdirSync(path('../generated'), { recursive: true });
writeFileSync(TARGET, [head, ...[...named.values()].sort(), ...parts, ''].join('\n'));
