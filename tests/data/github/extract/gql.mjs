// Cuts GitHub's GraphQL schema down to the mutations below and what they lead to.
// node gql.mjs DESTINATION

import fs from 'node:fs';
import { buildASTSchema, Kind, parse, print, validateSchema, visit } from 'graphql';

const SOURCE = 'node_modules/@octokit/graphql-schema/schema.graphql';
// Fields of the two roots that are kept.
const ROOTS = { Query: ['id', 'node'], Mutation: ['enablePullRequestAutoMerge'] };
// Object types that are kept; fields of other object types are dropped.
const TYPES = ['Query', 'Mutation', 'EnablePullRequestAutoMergePayload', 'PullRequest', 'Node', 'Actor', 'AutoMergeRequest'];
const SCALARS = ['ID', 'String', 'Int', 'Float', 'Boolean'];

/** Descriptions go; two fields of the published schema are defined twice, which the specification forbids. */
function tidy(document) {
  return visit(document, {
    enter: (node) => (node.description ? { ...node, description: undefined } : undefined),
    ObjectTypeDefinition: {
      leave: (node) => {
        const seen = new Set();
        const first = (field) => !seen.has(field.name.value) && seen.add(field.name.value);
        return { ...node, fields: node.fields.filter(first) };
      },
    },
  });
}

const document = tidy(parse(fs.readFileSync(SOURCE, 'utf8'), { noLocation: true }));
const byName = new Map(document.definitions.filter(({ name }) => name).map((node) => [node.name.value, node]));
const kept = new Map();

function base(type) {
  while (type.type) type = type.type;
  return type.name.value;
}

function isLeaf(name) {
  const kind = byName.get(name)?.kind;
  return SCALARS.includes(name) || kind === Kind.SCALAR_TYPE_DEFINITION || kind === Kind.ENUM_TYPE_DEFINITION;
}

function keep(name) {
  const node = byName.get(name);
  if (!node || kept.has(name)) return;
  kept.set(name, node);
  if (node.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION) node.fields.forEach(({ type }) => keep(base(type)));
  if (![Kind.OBJECT_TYPE_DEFINITION, Kind.INTERFACE_TYPE_DEFINITION].includes(node.kind)) return;
  const isRoot = name in ROOTS;
  const fields = node.fields.filter(({ name: field, type }) => {
    const reachable = isLeaf(base(type)) || TYPES.includes(base(type));
    return reachable && (!isRoot || ROOTS[name].includes(field.value));
  });
  const interfaces = (node.interfaces ?? []).filter((each) => TYPES.includes(each.name.value));
  kept.set(name, { ...node, fields, interfaces });
  fields.forEach((field) => [field, ...field.arguments].forEach(({ type }) => keep(base(type))));
}

TYPES.forEach(keep);
const directives = document.definitions.filter(({ kind }) => kind === Kind.DIRECTIVE_DEFINITION);
const out = { kind: Kind.DOCUMENT, definitions: [...directives, ...kept.values()] };
const errors = validateSchema(buildASTSchema(out, { assumeValidSDL: true }));
if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
fs.writeFileSync(process.argv[2], `${print(out)}\n`);
