// Writes what is generated: the types and documents of every operation, and their ids in the registry.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { codegen } from '@graphql-codegen/core';
import * as operations from '@graphql-codegen/typescript-operations';
import * as typedDocuments from '@graphql-codegen/typed-document-node';
import { buildASTSchema, isAbstractType, parse, print, visit } from 'graphql';

const clients = new URL('../', import.meta.url);
const read = (path) => readFileSync(new URL(path, clients), 'utf8');
const write = (path, text) => writeFileSync(new URL(path, clients), text);
const documents = readdirSync(new URL('documents', clients), { recursive: true })
  .filter((name) => name.endsWith('.graphql'))
  .sort()
  .map((name) => ({ location: name, document: parse(read(`documents/${name}`)) }));
const schema = parse(read('../schema.graphql'));
const definitions = documents.flatMap(({ document }) => document.definitions);

write(
  'typescript/src/generated/operations.ts',
  await codegen({
    schema,
    documents,
    filename: 'operations.ts',
    config: {
      scalars: { ID: 'string', DateTime: 'string', Date: 'string', Long: 'number' },
      strictScalars: true, // a scalar that is new here stops the generation
      skipTypename: true, // it is told where a document asks for it
      useTypeImports: true,
    },
    plugins: [{ operations: {} }, { typedDocuments: {} }],
    pluginMap: { operations, typedDocuments },
  }),
);

const ids = JSON.stringify(documentIds(), null, 2);
const origin = 'The ids of the operations in clients/documents.json, by name. Generated: `npm run generate`.';
write('typescript/src/generated/document-ids.ts', `/** ${origin} */\nexport const documentIds = ${ids} as const;\n`);
write('mini-program/documents.js', `// ${origin}\nmodule.exports = ${ids}\n`);

const possible = JSON.stringify(possibleTypes(), null, 2);
const use = 'What may stand for an interface or a union, for `new InMemoryCache({ possibleTypes })` of Apollo Client.';
write('typescript/src/generated/possible-types.ts', `/** ${use} */\nexport const possibleTypes = ${possible};\n`);

/** By the operation's name. An id is the hash of the text that `nightmarket documents build` registers. */
function documentIds() {
  const registered = JSON.parse(read('documents.json'));
  const operations = definitions.filter(({ kind }) => kind === 'OperationDefinition');
  const pairs = operations.map((operation) => {
    const text = [operation, ...fragmentsOf(operation)].map(print).join('\n\n');
    const id = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    if (!registered[id]) throw new Error(`${operation.name.value}: run \`nightmarket documents build\` first`);
    return [operation.name.value, id];
  });
  return Object.fromEntries(pairs.sort());
}

/** The fragments that an operation spreads, directly or not, by name. */
function fragmentsOf(operation) {
  const names = new Set();
  const note = (definition) => visit(definition, { FragmentSpread: ({ name }) => names.add(name.value) });
  const known = new Map(definitions.filter(({ kind }) => kind === 'FragmentDefinition').map((f) => [f.name.value, f]));
  note(operation);
  for (const name of names) note(known.get(name)); // a set that grows is walked to its new end
  return [...names].sort().map((name) => known.get(name));
}

function possibleTypes() {
  const built = buildASTSchema(schema);
  const types = Object.values(built.getTypeMap()).filter(isAbstractType);
  return Object.fromEntries(types.map((type) => [type.name, built.getPossibleTypes(type).map(({ name }) => name)]));
}
